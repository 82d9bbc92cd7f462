// SPDX-License-Identifier: MIT
// The second of two translation units that include all of bpfmap; see odr.cpp.

#include "odr.hpp"

sight second_sight() { return look(); }
