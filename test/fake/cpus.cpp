// SPDX-License-Identifier: MIT
// cpu_set, cpu_topology and sizing policies, on machines that exist and on some that should not.
#include "ring.hpp"

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <random>
#include <string>
#include <vector>

#include <sys/stat.h>

namespace {

using bpfmap::cpu_set;
using bpfmap::cpu_topology;
using test::has;

std::vector<std::uint32_t> ids_of(cpu_set const& set) { return {set.begin(), set.end()}; }

using ids = std::vector<std::uint32_t>;

cpu_set parsed(std::string_view list) {
  std::error_code ec = bpfmap::make_error(ENOTTY);
  auto set = cpu_set::parse(list, ec);
  BOOST_TEST(!ec, "'" << list << "': " << ec.message());
  return set;
}

int refusal_of(std::string_view list) {
  std::error_code ec;
  BOOST_TEST(cpu_set::parse(list, ec).empty());
  return ec.value();
}

/// A directory that takes the place of /sys/devices/system/cpu.
class sysfs {
 public:
  sysfs() {
    std::string name = (std::filesystem::temp_directory_path() / "bpfmap-sysfs-XXXXXX").string();
    BOOST_REQUIRE(::mkdtemp(name.data()) != nullptr);
    root = name;
  }
  sysfs(std::string const& possible, std::string const& online) : sysfs() {
    write("possible", possible);
    write("online", online);
  }
  sysfs(sysfs const&) = delete;
  sysfs& operator=(sysfs const&) = delete;
  ~sysfs() { std::filesystem::remove_all(root); }

  void write(char const* name, std::string const& text) const { std::ofstream(root + "/" + name) << text; }
  [[nodiscard]] cpu_topology read() const {
    std::error_code ec = bpfmap::make_error(ENOTTY);
    auto cpus = cpu_topology::read(root.c_str(), ec);
    BOOST_TEST(!ec, ec.message());
    return cpus;
  }
  [[nodiscard]] int refusal() const {
    std::error_code ec;
    (void)cpu_topology::read(root.c_str(), ec);
    return ec.value();
  }

  std::string root;
};

template <class Policy>
std::uint32_t entries(sysfs const& machine) {
  return Policy{}(machine.read());
}

}  // namespace

BOOST_FIXTURE_TEST_SUITE(cpu_sets, test::ring)

BOOST_AUTO_TEST_CASE(are_read_from_the_kernels_lists) {
  BOOST_TEST((ids_of(parsed("0")) == ids{0}));
  BOOST_TEST((ids_of(parsed("0\n")) == ids{0}));
  BOOST_TEST((ids_of(parsed("0-3\n")) == ids{0, 1, 2, 3}));
  BOOST_TEST((ids_of(parsed("0,2-5,8\n")) == ids{0, 2, 3, 4, 5, 8}));
  BOOST_TEST((ids_of(parsed("7-7")) == ids{7}));
  BOOST_TEST(parsed("").empty());
  BOOST_TEST(parsed("\n").empty());
  BOOST_TEST(parsed("0-8191").size() == 8192U);
  BOOST_TEST(parsed("65535").highest() == 65535U);
}

BOOST_AUTO_TEST_CASE(are_refused_where_the_text_is_no_such_list) {
  for (char const* list : {"a",  "0x1",   "0-",  "-3",      "-",   ",",  ",0",  "0,",   "0,,1", "0 1",
                           " 0", "0-3-5", "0;1", "0-3:1/2", "0-a", "+1", "0.5", "0-3,", "all",  "\t0"}) {
    BOOST_TEST(refusal_of(list) == EINVAL, "'" << list << "'");
  }
  BOOST_TEST(refusal_of(std::string_view("0\0", 2)) == EINVAL);
  BOOST_TEST(refusal_of(std::string_view("\0", 1)) == EINVAL);
}

BOOST_AUTO_TEST_CASE(are_refused_where_ids_descend_or_overlap) {
  for (char const* list : {"3-0", "1,0", "0-3,2-5", "0-3,3", "5,5", "8,2-5", "0-3,1"}) {
    BOOST_TEST(refusal_of(list) == EINVAL, "'" << list << "'");
  }
}

BOOST_AUTO_TEST_CASE(are_refused_where_ids_are_huge) {
  for (char const* list : {"65536", "0-65536", "0-4294967295", "4294967296", "99999999999999999999",
                           "0-99999999999999999999", "0,4294967295"}) {
    BOOST_TEST(refusal_of(list) == ERANGE, "'" << list << "'");
  }
}

BOOST_AUTO_TEST_CASE(answer_where_an_id_stands) {
  auto const set = parsed("0,2-5,8");
  BOOST_TEST(set.size() == 6U);
  BOOST_TEST(set.highest() == 8U);
  BOOST_TEST(set[5] == 8U);
  BOOST_TEST(set.rank_of(8) == 5U);
  BOOST_TEST(set.rank_of(2) == 1U);
  for (std::uint32_t const id : {1U, 6U, 9U, 0xffffffffU}) {
    BOOST_TEST(set.rank_of(id) == set.size());
    BOOST_TEST(!set.contains(id));
  }
  std::error_code ec = bpfmap::make_error(ENOTTY);
  BOOST_TEST(set.from(4, ec).to_string() == "4-5,8");
  BOOST_TEST(set.from(9, ec).empty());
  BOOST_TEST(!ec);
}

BOOST_AUTO_TEST_CASE(read_back_what_they_print) {
  for (char const* list : {"", "0", "0-3", "0,2-5,8", "1,3,5", "0-1,3-4", "0-8191", "65535"}) {
    BOOST_TEST(parsed(list).to_string() == list);
  }
  BOOST_TEST(parsed("0,1,2,5,6").to_string() == "0-2,5-6");
  std::mt19937 random(7);  // NOLINT: the same cases every time
  for (int round = 0; round < 500; ++round) {
    std::string list;
    for (std::uint32_t id = 0; id < 200; ++id) {
      if (random() % 3 == 0) list.append(list.empty() ? "" : ",").append(std::to_string(id));
    }
    auto const set = parsed(list);
    BOOST_TEST((parsed(set.to_string()) == set));
  }
}

BOOST_AUTO_TEST_CASE(survive_any_bytes) {
  std::mt19937 random(11);  // NOLINT: the same cases every time
  constexpr std::string_view letters = "0123456789,,--\n x";
  for (int round = 0; round < 20000; ++round) {
    std::string list;
    for (auto n = random() % 12; n > 0; --n) list += letters[random() % letters.size()];
    std::error_code ec;
    auto const set = cpu_set::parse(list, ec);
    if (ec) {
      BOOST_REQUIRE(set.empty());
    } else {
      BOOST_REQUIRE(std::is_sorted(set.begin(), set.end()));
      BOOST_REQUIRE((cpu_set::parse(set.to_string(), ec) == set));
    }
  }
}

BOOST_AUTO_TEST_CASE(without_memory_are_enomem) {
  std::error_code ec;
  heap::limit const little(100);
  auto const set = cpu_set::parse("0-8191", ec);
  BOOST_TEST(ec.value() == ENOMEM);
  BOOST_TEST(set.empty());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(cpu_topologies, test::ring)

BOOST_AUTO_TEST_CASE(have_possible_and_online_cpus) {
  sysfs const machine("0-7\n", "0-2,5\n");
  auto const cpus = machine.read();
  BOOST_TEST(cpus.possible.to_string() == "0-7");
  BOOST_TEST(cpus.online.to_string() == "0-2,5");
}

BOOST_AUTO_TEST_CASE(of_8192_cpus_are_read_however_they_are_written) {
  BOOST_TEST(sysfs("0-8191\n", "0-8191\n").read().possible.size() == 8192U);
  std::string every_other;
  for (int id = 0; id < 8192; id += 2) every_other.append(id == 0 ? "" : ",").append(std::to_string(id));
  auto const cpus = sysfs(every_other + "\n", "0\n").read();
  BOOST_TEST(cpus.possible.size() == 4096U);
  BOOST_TEST(cpus.possible.highest() == 8190U);
}

BOOST_AUTO_TEST_CASE(say_what_is_wrong_with_their_files) {
  BOOST_TEST(sysfs().refusal() == ENOENT);
  sysfs const half;
  half.write("possible", "0-3\n");
  BOOST_TEST(half.refusal() == ENOENT);
  BOOST_TEST(sysfs("", "0\n").refusal() == ENODATA);
  BOOST_TEST(sysfs("\n", "0\n").refusal() == ENODATA);
  BOOST_TEST(sysfs("0-3\n", "\n").refusal() == ENODATA);
  BOOST_TEST(sysfs("garbage\n", "0\n").refusal() == EINVAL);
  BOOST_TEST(sysfs("0-3\n", "3-0\n").refusal() == EINVAL);
  BOOST_TEST(sysfs("0-70000\n", "0\n").refusal() == ERANGE);
  BOOST_TEST(sysfs(std::string(40000, '1'), "0\n").refusal() == EOVERFLOW);
  sysfs const folder;
  std::filesystem::create_directory(folder.root + "/possible");  // can be opened, cannot be read
  BOOST_TEST(folder.refusal() == EISDIR);
  sysfs const denied("0\n", "0\n");
  fake_files::refuse(denied.root + "/possible", EACCES);
  BOOST_TEST(denied.refusal() == EACCES);
  std::error_code ec;
  (void)cpu_topology::read(std::string(5000, 'x').c_str(), ec);
  BOOST_TEST(ec.value() == ENAMETOOLONG);
}

BOOST_AUTO_TEST_CASE(of_this_machine_are_read_once_for_possible_and_anew_for_online) {
  std::error_code ec;
  BOOST_TEST(bpfmap::possible_cpus(ec).to_string() == "0,2-5,8");
  BOOST_TEST(bpfmap::online_cpus(ec).to_string() == "0,2-4,8");
  fake_files::set(fake_files::possible, "0-1\n");
  fake_files::set(fake_files::online, "0,2-5\n");
  BOOST_TEST(bpfmap::possible_cpus(ec).to_string() == "0,2-5,8");
  BOOST_TEST(bpfmap::online_cpus(ec).to_string() == "0,2-5");
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_FIXTURE_TEST_SUITE(sizing_policies, test::ring)

BOOST_AUTO_TEST_CASE(count_to_the_highest_id_and_not_the_cpus) {
  namespace sizing = bpfmap::sizing;
  struct machine {
    char const* possible;
    char const* online;
    std::uint32_t for_possible;
    std::uint32_t for_online;
  };
  for (auto const& [possible, online, for_possible, for_online] : {machine{"0\n", "0\n", 1, 1},
                                                                   {"0-3\n", "0-3\n", 4, 4},
                                                                   {"0-127\n", "0-15\n", 128, 16},
                                                                   {"0,2-5,8\n", "0,2-3\n", 9, 4},
                                                                   {"64-127\n", "64\n", 128, 65},
                                                                   {"0-8191\n", "0,8191\n", 8192, 8192}}) {
    BOOST_TEST_CONTEXT("possible " << possible << "online " << online) {
      sysfs const here(possible, online);
      BOOST_TEST(entries<sizing::possible_cpus>(here) == for_possible);
      BOOST_TEST(entries<sizing::online_cpus>(here) == for_online);
      BOOST_TEST(entries<sizing::fixed<32>>(here) == 32U);
      BOOST_TEST(entries<sizing::at_most<64>>(here) == std::min(64U, for_possible));
    }
  }
}

BOOST_AUTO_TEST_CASE(size_the_arrays_that_are_created) {
  namespace sizing = bpfmap::sizing;
  BOOST_TEST(bpfmap::perf_event_array<>::create({.name = "events"}).max_size() == 9U);
  BOOST_TEST(bpfmap::perf_event_array<sizing::fixed<32>>::create({.name = "events"}).max_size() == 32U);
  BOOST_TEST(bpfmap::perf_event_array<sizing::online_cpus>::create({.name = "events"}).max_size() == 9U);
  fake_files::set(fake_files::online, "0,2-3\n");
  BOOST_TEST(bpfmap::perf_event_array<sizing::online_cpus>::create({.name = "events"}).max_size() == 4U);
  fake_files::set(fake_files::online, fake_files::online_cpus);
  auto const error = test::error_of([] { (void)bpfmap::perf_event_array<>::create({.max_entries = 5}); });
  BOOST_TEST(error.code.value() == EINVAL);
  BOOST_TEST(has(error.hint, "leave max_entries 0: the sizing policy says 9"));
}

BOOST_AUTO_TEST_CASE(find_an_array_too_small_for_a_cpu_that_is_online) {
  namespace sizing = bpfmap::sizing;
  std::error_code ec;
  auto const small = bpfmap::perf_event_array<sizing::fixed<4>>::create({.name = "events"}, ec);
  BOOST_TEST(ec.value() == ERANGE);
  BOOST_TEST(!small);
  auto const error =
      test::error_of([] { (void)bpfmap::perf_event_array<sizing::fixed<4>>::create({.name = "events"}); });
  BOOST_TEST(has(error.hint, "the array has 4 entries, but CPU 8 is online"), error.hint);
  BOOST_TEST(has(error.hint, "it needs 9"));
  BOOST_TEST((bpfmap::perf_event_array<sizing::at_most<4>>::create({.name = "events"}).max_size() == 4U));
  bpf_map* const declared = fake::libbpf_map({.type = 4, .value_size = 4, .max_entries = 2, .name = "events"});
  BOOST_TEST(test::code_of([&](auto& code) { (void)bpfmap::perf_event_array<>::bind(declared, code); }).value() ==
             ERANGE);
  fake_files::set(fake_files::online, "0\n");
  auto const enough = bpfmap::perf_event_array<sizing::fixed<4>>::create({.name = "events"});
  BOOST_TEST(enough.uncovered_cpus(ec).to_string() == "4-5,8");
}

// It is the user's code: what it throws is the user's to catch, whatever the call's last parameter is.
struct has_no_idea {
  std::uint32_t operator()(bpfmap::cpu_topology const&) const { throw std::runtime_error("no idea"); }
};
struct cannot_be_made {
  cannot_be_made() { throw std::runtime_error("no idea"); }
  std::uint32_t operator()(bpfmap::cpu_topology const&) const noexcept { return 1; }
};

BOOST_AUTO_TEST_CASE(let_a_policys_exception_pass_and_change_nothing) {
  std::error_code ec;
  BOOST_CHECK_THROW((void)bpfmap::perf_event_array<has_no_idea>::create({.name = "events"}), std::runtime_error);
  BOOST_CHECK_THROW((void)bpfmap::perf_event_array<has_no_idea>::create({.name = "events"}, ec), std::runtime_error);
  BOOST_CHECK_THROW((void)bpfmap::perf_event_array<cannot_be_made>::create({.name = "events"}), std::runtime_error);
  BOOST_CHECK_THROW((void)bpfmap::perf_event_array<cannot_be_made>::create({.name = "events"}, ec), std::runtime_error);
  BOOST_TEST(fake::calls(fake::call::map_create) == 0U);
  fake::set_object({.programs = {}, .maps = {{.type = 4, .value_size = 4, .max_entries = 7, .name = "events"}}});
  auto object = bpfmap::object::open("events.o");
  BOOST_CHECK_THROW(object.map("events").set_max_entries(has_no_idea{}), std::runtime_error);
  BOOST_CHECK_THROW(object.map("events").set_max_entries(has_no_idea{}, ec), std::runtime_error);
  object.load();
  BOOST_TEST((object.map<bpfmap::perf_event_array<bpfmap::sizing::at_most<7>>>("events").max_size() == 7U));
}

BOOST_AUTO_TEST_CASE(say_so_where_the_cpus_cannot_be_read) {
  fake_files::set(fake_files::possible, std::nullopt);
  auto const error = test::error_of([] { (void)bpfmap::perf_event_array<>::create({.name = "events"}); });
  BOOST_TEST(error.code.value() == ENOENT);
  BOOST_TEST(has(error.hint, "is sysfs mounted at /sys?"));
  fake_files::set(fake_files::possible, fake_files::possible_cpus);
  fake_files::refuse(fake_files::online, EACCES);
  BOOST_TEST(test::code_of([](auto& ec) {
               (void)bpfmap::perf_event_array<>::create({.name = "events"}, ec);
             }).value() == EACCES);
}

// A map that is there already needs no policy, but is checked against the CPUs that are online.
BOOST_AUTO_TEST_CASE(say_so_too_where_a_map_that_exists_cannot_be_checked) {
  fake_files::refuse(fake_files::online, EACCES);
  auto const whole =
      test::error_of([] { (void)bpfmap::perf_event_array<>::bind(fake::libbpf_map({.type = 4, .value_size = 4})); });
  BOOST_TEST(whole.code.value() == EACCES);
  BOOST_TEST(has(whole.hint, "sysfs"), "no hint: " << whole.text);
}

BOOST_AUTO_TEST_SUITE_END()
