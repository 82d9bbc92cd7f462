// SPDX-License-Identifier: MIT
// What every test of the fake and kernel rings includes: read once for an executable, not once for a file.
// That each header stands alone is tested in test/static/, which has nothing compiled before it.
#include <boost/test/unit_test.hpp>

#include <bpfmap/bpfmap.hpp>
