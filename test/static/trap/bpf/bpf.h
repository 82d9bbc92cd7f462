// SPDX-License-Identifier: MIT
#error "core/ includes std headers only: it must compile where there is no <bpf/bpf.h>"
