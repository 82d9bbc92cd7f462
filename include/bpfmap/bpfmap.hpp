// SPDX-License-Identifier: MIT
#ifndef BPFMAP_BPFMAP_HPP
#define BPFMAP_BPFMAP_HPP

// All of bpfmap, from the ground floor up. One room's header alone will do as well.

// In the order of the floors.
// clang-format off
// core: what a map is
#include <bpfmap/core/version.hpp>
#include <bpfmap/core/map_type.hpp>
#include <bpfmap/core/map_traits.hpp>
#include <bpfmap/core/concepts.hpp>
#include <bpfmap/core/cstring.hpp>
#include <bpfmap/core/handles.hpp>
#include <bpfmap/core/operation.hpp>
#include <bpfmap/core/error.hpp>
#include <bpfmap/core/made_once.hpp>
#include <bpfmap/core/error_text.hpp>
#include <bpfmap/core/cpu.hpp>
#include <bpfmap/core/fields.hpp>
#include <bpfmap/core/numbers.hpp>
#include <bpfmap/core/reduce.hpp>
#include <bpfmap/core/reduce_members.hpp>
#include <bpfmap/core/reduction_table.hpp>
#include <bpfmap/core/sizing.hpp>
#include <bpfmap/core/bulk.hpp>
#include <bpfmap/core/atomic_ref.hpp>
#include <bpfmap/core/stripes.hpp>
#include <bpfmap/core/predicate.hpp>
#include <bpfmap/core/histogram.hpp>
#include <bpfmap/core/lpm_key.hpp>
// kernel: the door to libbpf
#include <bpfmap/kernel/process.hpp>
#include <bpfmap/kernel/fd.hpp>
#include <bpfmap/kernel/privileges.hpp>
#include <bpfmap/kernel/memory.hpp>
#include <bpfmap/kernel/arena_memory.hpp>
#include <bpfmap/kernel/signals_held.hpp>
#include <bpfmap/kernel/sys.hpp>
#include <bpfmap/kernel/vmlinux.hpp>
#include <bpfmap/kernel/instructions.hpp>
#include <bpfmap/kernel/assembler.hpp>
#include <bpfmap/kernel/scratch_array.hpp>
#include <bpfmap/kernel/list_program.hpp>
#include <bpfmap/kernel/function_types.hpp>
#include <bpfmap/kernel/reduction_program.hpp>
#include <bpfmap/kernel/bulk_programs.hpp>
#include <bpfmap/kernel/for_each_program.hpp>
#include <bpfmap/kernel/predicate_code.hpp>
#include <bpfmap/kernel/programs.hpp>
#include <bpfmap/kernel/counter_fields.hpp>
#include <bpfmap/kernel/perf_ring.hpp>
#include <bpfmap/kernel/perf_rings.hpp>
#include <bpfmap/kernel/value_btf.hpp>
// engine: what every map shares
#include <bpfmap/engine/map_info.hpp>
#include <bpfmap/engine/pin_hint.hpp>
#include <bpfmap/engine/map_handle.hpp>
#include <bpfmap/engine/per_cpu.hpp>
#include <bpfmap/engine/handle_values.hpp>
#include <bpfmap/engine/strided_view.hpp>
#include <bpfmap/engine/walk.hpp>
#include <bpfmap/engine/kernel_walk.hpp>
#include <bpfmap/engine/walk_range.hpp>
#include <bpfmap/engine/count.hpp>
#include <bpfmap/engine/element_concepts.hpp>
#include <bpfmap/engine/keyed_map.hpp>
#include <bpfmap/engine/bulk.hpp>
#include <bpfmap/engine/bulk_map.hpp>
#include <bpfmap/engine/aggregate_map.hpp>
#include <bpfmap/engine/keyless_map.hpp>
#include <bpfmap/engine/percpu_map.hpp>
#include <bpfmap/engine/percpu_reduction.hpp>
#include <bpfmap/engine/percpu_totals.hpp>
#include <bpfmap/engine/ring_map.hpp>
#include <bpfmap/engine/striped_slots.hpp>
// maps, streams, objects: what users name
#include <bpfmap/maps/arena.hpp>
#include <bpfmap/maps/array.hpp>
#include <bpfmap/maps/bloom_filter.hpp>
#include <bpfmap/maps/fd_array.hpp>
#include <bpfmap/maps/hash.hpp>
#include <bpfmap/maps/cgroup_storage.hpp>
#include <bpfmap/maps/insn_array.hpp>
#include <bpfmap/maps/local_storage.hpp>
#include <bpfmap/maps/lpm_trie.hpp>
#include <bpfmap/maps/of_maps.hpp>
#include <bpfmap/maps/queue.hpp>
#include <bpfmap/maps/redirect.hpp>
#include <bpfmap/maps/socket_map.hpp>
#include <bpfmap/maps/stack_trace.hpp>
#include <bpfmap/maps/striped_array.hpp>
#include <bpfmap/maps/struct_ops.hpp>
#include <bpfmap/streams/perf_event_array.hpp>
#include <bpfmap/streams/ringbuf.hpp>
#include <bpfmap/streams/user_ringbuf.hpp>
#include <bpfmap/objects/libbpf_log.hpp>
#include <bpfmap/objects/libbpf_words.hpp>
#include <bpfmap/objects/names.hpp>
#include <bpfmap/objects/global.hpp>
#include <bpfmap/objects/helpers.hpp>
#include <bpfmap/objects/causes.hpp>
#include <bpfmap/objects/program.hpp>
#include <bpfmap/objects/sections.hpp>
#include <bpfmap/objects/machine.hpp>
#include <bpfmap/objects/object_map.hpp>
#include <bpfmap/objects/object.hpp>
// clang-format on

#endif
