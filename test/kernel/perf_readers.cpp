// SPDX-License-Identifier: MIT
// Whose events they are: several readers of one array, renewals, forks, and readers that their own callback changes.
#include "perf_sender.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

#include <linux/capability.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

namespace ut = boost::unit_test;
using bpfmap::perf_event_array;
using bpfmap::perf_reader;
using test::default_sender;
using test::reader_type;
using namespace std::chrono_literals;

namespace {

void ignore(numbered_event const&) {}

std::size_t taken(reader_type& reader) { return reader.consume(ignore); }

// The numbers that were seen, and how often.
struct tally {
  std::map<std::uint64_t, int> seen;

  void operator()(numbered_event const& event) { ++seen[event.number]; }
  void expect_each_once(std::uint64_t sent) const {
    BOOST_TEST(seen.size() == sent);
    for (auto const& [number, times] : seen) BOOST_TEST(times == 1, "event " << number << ": " << times << " times");
  }
};

// While it lives, this process can open so many more descriptors, and no more.
class few_descriptors {
 public:
  explicit few_descriptors(std::size_t more) {
    getrlimit(RLIMIT_NOFILE, &before_);
    rlimit low = before_;
    low.rlim_cur = 256;
    setrlimit(RLIMIT_NOFILE, &low);
    for (int fd; (fd = ::open("/dev/null", O_RDONLY | O_CLOEXEC)) >= 0;) hogs_.emplace_back(fd);
    hogs_.resize(hogs_.size() - std::min(more, hogs_.size()));
  }
  few_descriptors(few_descriptors const&) = delete;
  few_descriptors& operator=(few_descriptors const&) = delete;
  ~few_descriptors() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
  std::vector<bpfmap::unique_fd> hogs_;
};

// What `work` gives in a child of this process; it leaves by _exit.
int in_child(std::function<int()> const& work) {
  pid_t const child = ::fork();
  if (child == 0) {
    int result = 99;
    try {
      result = work();
    } catch (...) {
    }
    ::_exit(result);
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void give_up(int capability) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2]{};
  ::syscall(SYS_capget, &header, data);
  data[capability / 32].effective &= ~(1U << (capability % 32));
  ::syscall(SYS_capset, &header, data);
}

// A precondition: Debian's kernels ask for CAP_SYS_ADMIN where kernel.perf_event_paranoid is 3.
boost::test_tools::assertion_result perf_without_cap_sys_admin(ut::test_unit_id unit) {
  auto allowed = test::may_use_bpf(unit);
  if (!allowed) return allowed;
  int const refused = in_child([] {
    auto const events = perf_event_array<>::create({.name = "events"});
    give_up(CAP_SYS_ADMIN);
    std::error_code ec;
    (void)reader_type::open(events, ec);
    return ec == std::errc::permission_denied ? 1 : 0;
  });
  boost::test_tools::assertion_result result(refused != 1);
  if (!result) result.message() << "this kernel lets no one open perf events without CAP_SYS_ADMIN";
  return result;
}

}  // namespace

BOOST_AUTO_TEST_SUITE(several_perf_readers, *ut::precondition(test::two_cpus))

BOOST_AUTO_TEST_CASE(a_reader_that_is_assigned_a_larger_one_hears_everything) {
  default_sender run;
  for (std::size_t bytes = 4096; bytes <= 65536; bytes *= 2) {
    run.reader = reader_type::open(run.events, {.bytes_per_cpu = bytes});
    run.send_from_all();
    BOOST_TEST(taken(run.reader) == run.online.size());
  }
  BOOST_TEST(run.refused() == 0U);
}

BOOST_AUTO_TEST_CASE(the_newer_of_two_hears_everything_when_the_older_one_goes) {
  default_sender run;
  run.send_from_all();
  auto newer = reader_type::open(run.events);
  run.send_from_all();
  // The older one still gives what came before.
  BOOST_TEST(taken(run.reader) == run.online.size());
  run.reader = {};
  run.send_from_all();
  BOOST_TEST(newer.poll(-1ms, ignore) == 2 * run.online.size());
  BOOST_TEST(run.refused() == 0U);
  newer = {};
  run.send(0, 1);
  BOOST_TEST(run.last_error() == -ENOENT);
}

BOOST_AUTO_TEST_CASE(the_older_of_two_takes_the_entries_back_by_a_resync) {
  default_sender run;
  auto newer = reader_type::open(run.events);
  run.reader.resync(ignore);
  run.send_from_all();
  BOOST_TEST(taken(newer) == 0U);
  BOOST_TEST(taken(run.reader) == run.online.size());
  newer = {};
  run.send_from_all();
  BOOST_TEST(taken(run.reader) == run.online.size());
}

BOOST_AUTO_TEST_CASE(an_open_that_fails_leaves_the_one_before_working) {
  default_sender run;
  std::size_t failures = 0;
  // The first, the second, … descriptor that it needs is not to be had.
  for (std::size_t more = 0;; ++more) {
    BOOST_TEST_REQUIRE(more < 100U);
    std::error_code ec;
    reader_type second;
    {
      few_descriptors const low(more);
      second = reader_type::open(run.events, ec);
    }
    if (!ec) break;
    BOOST_TEST((ec == std::errc::too_many_files_open));
    ++failures;
    run.send_from_all();
    BOOST_TEST(taken(run.reader) == run.online.size());
  }
  BOOST_TEST(failures >= 2 + run.online.size());
  BOOST_TEST(run.refused() == 0U);
  // Now the second was opened, and has gone.
  run.reader.resync(ignore);
  // An array that user space may not write any more.
  run.events.freeze();
  std::error_code ec;
  (void)reader_type::open(run.events, ec);
  BOOST_TEST((ec == std::errc::operation_not_permitted));
  BOOST_TEST(run.reader.resync(ignore, ec) == 0U);
  BOOST_TEST((ec == std::errc::operation_not_permitted));
  run.send_from_all();
  BOOST_TEST(taken(run.reader) == run.online.size());
}

BOOST_AUTO_TEST_CASE(without_cap_sys_admin_they_leave_each_other_alone_too,
                     *ut::precondition(perf_without_cap_sys_admin)) {
  // As root of this case, but the kernel gives no map by its id.
  BOOST_TEST(in_child([] {
               default_sender run;
               give_up(CAP_SYS_ADMIN);
               std::error_code ec;
               (void)perf_event_array<>::from_id(run.events.id(), ec);
               if (ec != std::errc::operation_not_permitted) return 1;
               auto older = reader_type::open(run.events);
               auto newer = reader_type::open(run.events);
               older = {};
               run.send_from_all();
               if (taken(newer) != run.online.size() || run.refused() != 0) return 2;
               newer.resync(ignore);
               run.send_from_all();
               if (taken(newer) != run.online.size() || run.refused() != 0) return 3;
               newer = {};
               run.send_from_all();
               return run.refused() == run.online.size() && run.last_error() == -ENOSPC ? 0 : 4;
             }) == 0);
}

BOOST_AUTO_TEST_CASE(of_arrays_that_keep_their_elements_leave_each_other_alone_too) {
  auto object = bpfmap::object::open(test::object_path("events"));
  object.map("events").set_max_entries(bpfmap::sizing::possible_cpus{});
  BOOST_TEST_REQUIRE(::bpf_map__set_map_flags(object.map("events").get(), bpfmap::map_flags::preserve_elems) == 0);
  object.load();
  auto const events = object.map<perf_event_array<>>("events");
  auto const send = object.program("send");
  std::error_code ec;
  std::uint32_t const cpu = bpfmap::online_cpus(ec)[0];
  auto older = reader_type::open(events);
  auto newer = reader_type::open(events);
  older = {};
  test::run_on(send, cpu, 3);
  BOOST_TEST(taken(newer) == 3U);
  newer = {};
  test::run_on(send, cpu, 1);
  BOOST_TEST(object.global<std::int64_t>("last_error") == -ENOSPC);  // told, all the same
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(perf_readers_that_resync, *ut::precondition(test::two_cpus))

BOOST_AUTO_TEST_CASE(lose_nothing_when_the_callback_throws) {
  default_sender run;
  tally all;
  for (int round = 0; round < 5; ++round) {
    run.send_from_all();
    BOOST_CHECK_THROW(run.reader.resync([&](numbered_event const& event) {
      all(event);
      throw std::runtime_error("enough");
    }),
                      std::runtime_error);
    run.send_from_all();
  }
  run.reader.consume(std::ref(all));
  all.expect_each_once(run.sent());
  run.send_from_all();
  BOOST_TEST(run.reader.poll(-1ms, ignore) == run.online.size());
  BOOST_TEST(run.refused() == 0U);
}

BOOST_AUTO_TEST_CASE(lose_nothing_when_the_callback_stops) {
  default_sender run;
  tally all;
  std::map<std::uint32_t, std::uint64_t> last;  // by CPU: in the order in which they were sent
  auto const in_order = [&](numbered_event const& event) {
    all(event);
    if (last.contains(event.cpu)) BOOST_TEST(last[event.cpu] < event.number);
    last[event.cpu] = event.number;
    return false;
  };
  for (int round = 0; round < 5; ++round) {
    run.send_from_all(), run.send_from_all(), run.send_from_all();
    BOOST_TEST(run.reader.resync(in_order) == 1U);
  }
  run.send_from_all();
  // One at a time, and none that poll() would sleep over.
  while (all.seen.size() < run.sent()) BOOST_TEST_REQUIRE(run.reader.poll(-1ms, in_order) == 1U);
  all.expect_each_once(run.sent());
  BOOST_TEST(taken(run.reader) == 0U);
  BOOST_TEST(run.refused() == 0U);
  BOOST_TEST(run.reader.cpu_count() == run.online.size());
}

BOOST_AUTO_TEST_CASE(go_on_with_what_they_have_after_an_error) {
  test::no_leak const watch;
  default_sender run;
  tally all;
  std::size_t failures = 0;
  for (std::size_t more = 0;; ++more) {
    BOOST_TEST_REQUIRE(more < 100U);
    run.send_from_all();
    std::error_code ec;
    {
      few_descriptors const low(more);
      run.reader.resync(std::ref(all), ec);
    }
    if (!ec) break;
    BOOST_TEST((ec == std::errc::too_many_files_open));
    ++failures;
    run.send_from_all();
    BOOST_TEST(run.reader.poll(-1ms, std::ref(all)) >= run.online.size());
  }
  BOOST_TEST(failures >= run.online.size());
  all.expect_each_once(run.sent());
  BOOST_TEST(run.refused() == 0U);
}

BOOST_AUTO_TEST_CASE(keep_their_descriptor_and_what_they_counted) {
  default_sender run({.bytes_per_cpu = 1});
  run.send(0, 1, 1000), run.send(1, 1, 1000);
  std::uint64_t const refused = run.refused();
  int const fd = run.reader.fd();
  std::uint64_t received = 0;
  for (int round = 0; round < 3; ++round) received += run.reader.resync(ignore);
  BOOST_TEST(run.reader.fd() == fd);
  BOOST_TEST(received + refused == run.sent());
  if (test::running_kernel() >= bpfmap::kernel_version{6, 0}) {
    BOOST_TEST(run.reader.lost() == refused);
    BOOST_TEST(run.reader.lost(bpfmap::cpu{run.online[0]}) + run.reader.lost(bpfmap::cpu{run.online[1]}) == refused);
  }
  // Whoever waits for the descriptor is woken by the new buffers.
  run.send(1, 1, 1);
  pollfd waiting{fd, POLLIN, 0};
  BOOST_TEST(::poll(&waiting, 1, 10'000) == 1);
  BOOST_TEST(taken(run.reader) == 1U);
}

BOOST_AUTO_TEST_CASE(do_not_keep_buffers_that_were_read) {
  default_sender run;
  run.reader.resync(ignore);
  std::size_t const descriptors = test::open_descriptors();
  for (int round = 0; round < 5; ++round) {
    run.send_from_all();
    BOOST_TEST(run.reader.resync(ignore) == run.online.size());
  }
  BOOST_TEST(test::open_descriptors() == descriptors);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(perf_readers_never_sleep_while_records_wait, *ut::precondition(test::two_cpus) * ut::timeout(60))

// poll() without a limit: it would never return.

BOOST_AUTO_TEST_CASE(after_their_descriptor_was_seen_readable) {
  default_sender run;
  run.send(0, 5);
  pollfd waiting{run.reader.fd(), POLLIN, 0};
  BOOST_TEST(::poll(&waiting, 1, 10'000) == 1);
  BOOST_TEST(run.reader.poll(-1ms, ignore) == 5U);
}

BOOST_AUTO_TEST_CASE(after_an_epoll_saw_it_edge_or_level_triggered) {
  default_sender run;
  for (std::uint32_t const mode : {std::uint32_t{EPOLLIN}, std::uint32_t{EPOLLIN} | std::uint32_t{EPOLLET}}) {
    bpfmap::unique_fd const loop(::epoll_create1(EPOLL_CLOEXEC));
    epoll_event wanted{};
    wanted.events = mode;
    BOOST_TEST_REQUIRE(::epoll_ctl(loop.get(), EPOLL_CTL_ADD, run.reader.fd(), &wanted) == 0);
    for (int round = 0; round < 3; ++round) {
      run.send(1, 1, 5);
      epoll_event event{};
      BOOST_TEST(::epoll_wait(loop.get(), &event, 1, 10'000) == 1);
      static_cast<void>(::epoll_wait(loop.get(), &event, 1, 0));
      BOOST_TEST(run.reader.poll(-1ms, ignore) == 5U);
    }
  }
}

BOOST_AUTO_TEST_CASE(after_a_loop_over_what_is_available_was_left) {
  default_sender run;
  run.send(0, 5), run.send(1, 5);
  BOOST_TEST(run.reader.poll(-1ms, [](numbered_event const&) { return false; }) == 1U);
  for ([[maybe_unused]] auto const& event : run.reader.available()) break;
  BOOST_TEST(run.reader.poll(-1ms, ignore) == 8U);
}

BOOST_AUTO_TEST_CASE(that_caused_no_wake_up) {
  default_sender run({.wakeup_events = 1000});
  run.send(0, 5);
  BOOST_TEST(run.reader.poll(-1ms, ignore) == 5U);
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(perf_readers_of_forked_children, *ut::precondition(test::two_cpus) * ut::timeout(60))

BOOST_AUTO_TEST_CASE(do_not_silence_the_parent_when_they_go) {
  default_sender run;
  BOOST_TEST(in_child([&] {
               run.reader = {};
               return 0;
             }) == 0);
  run.send_from_all();
  BOOST_TEST(run.reader.poll(-1ms, ignore) == run.online.size());
  BOOST_TEST(run.refused() == 0U);
}

BOOST_AUTO_TEST_CASE(answer_ebadf) {
  default_sender run;
  run.send_from_all();
  BOOST_TEST(in_child([&] {
               std::error_code ec;
               auto const refused = [&](auto&& call) {
                 ec.clear();
                 return call() == 0 && ec == std::errc::bad_file_descriptor;
               };
               if (!refused([&] { return run.reader.consume(ignore, ec); })) return 1;
               if (!refused([&] { return run.reader.poll(-1ms, ignore, ec); })) return 2;
               if (!refused([&] { return run.reader.resync(ignore, ec); })) return 3;
               for ([[maybe_unused]] auto const& event : run.reader.available()) return 4;
               if (run.reader.fd() != -1) return 5;
               std::string const message = test::message_of([&] { run.reader.consume(ignore); });
               if (!test::has(message, "the process that this one was forked off")) return 6;
               // One of its own hears everything.
               auto own = reader_type::open(run.events);
               run.send_from_all();
               return own.consume(ignore) == run.online.size() ? 0 : 7;
             }) == 0);
  BOOST_TEST(taken(run.reader) == run.online.size());
}

BOOST_AUTO_TEST_CASE(unmap_nothing_of_the_childs) {
  default_sender run;
  BOOST_TEST(in_child([&] {
               // Of the same size as the buffers, so that they lie where those were.
               std::size_t const bytes = 65536 + static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
               std::vector<char*> own;
               for (int i = 0; i < 64; ++i) {
                 own.push_back(static_cast<char*>(::mmap(nullptr, bytes, PROT_READ | PROT_WRITE,
                                                         MAP_PRIVATE | MAP_ANONYMOUS | MAP_POPULATE, -1, 0)));
               }
               run.reader = {};
               unsigned char there = 0;
               for (char* const each : own) {
                 if (::mincore(each, 1, &there) != 0) return 1;
               }
               return 0;
             }) == 0);
}

BOOST_AUTO_TEST_CASE(end_the_pass_that_forked) {
  default_sender run;
  auto raw = perf_reader<std::span<std::byte const>>::open(run.events);
  run.send(0, 1, 3);
  bool child = false;
  // The callback of the child returns or throws.
  for (bool const throws : {false, true}) {
    std::error_code ec;
    std::size_t calls = 0;
    try {
      raw.consume(
          [&](std::span<std::byte const>) {
            ++calls;
            if (child || calls != 1) return throws;
            child = ::fork() == 0;
            if (child && throws) throw std::runtime_error("in the child");
            return true;
          },
          ec);
    } catch (std::runtime_error const&) {
    }
    if (child) {
      raw = {};
      ::_exit(calls == 1 && (throws || ec == std::errc::bad_file_descriptor) ? 0 : 1);
    }
    int status = 0;
    ::wait(&status);
    BOOST_TEST(status == 0);
    BOOST_TEST(calls == 2U);
    BOOST_TEST(raw.consume([](std::span<std::byte const>) {}) == (throws ? 0U : 1U));
    run.send(0, 1, 2);
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(perf_readers_in_their_own_callback, *ut::precondition(test::two_cpus))

using event_types = std::tuple<numbered_event, std::span<std::byte const>>;

std::uint64_t number_of(numbered_event const& event) { return event.number; }
std::uint64_t number_of(std::span<std::byte const> bytes) {
  numbered_event event{};
  std::memcpy(&event, bytes.data(), sizeof event);
  return event.number;
}

BOOST_AUTO_TEST_CASE_TEMPLATE(may_be_destroyed, Event, event_types) {
  test::no_leak const watch;
  default_sender run;
  using any_reader = perf_reader<Event>;
  auto const destroyed_by = [&](auto const& use) {
    auto reader = std::make_unique<any_reader>(any_reader::open(run.events));
    run.send(0, 1, 3), run.send(1, 1, 3);
    std::uint64_t const first = run.sent() - 6;
    std::size_t calls = 0;
    use(*reader, [&](Event const& event) {
      ++calls;
      reader.reset();
      BOOST_TEST(number_of(event) == first);  // still there
    });
    BOOST_TEST(calls == 1U);
    run.send(0, 1);
    BOOST_TEST(run.last_error() == -ENOENT);
  };
  destroyed_by([](any_reader& reader, auto f) { BOOST_TEST(reader.consume(f) == 1U); });
  destroyed_by([](any_reader& reader, auto f) { BOOST_TEST(reader.poll(-1ms, f) == 1U); });
  destroyed_by([](any_reader& reader, auto f) { BOOST_TEST(reader.resync(f) == 1U); });
  destroyed_by([](any_reader& reader, auto f) {
    for (Event const& event : reader.available()) f(event);
  });
  destroyed_by([](any_reader& reader, auto f) {
    BOOST_CHECK_THROW(reader.consume([&](Event const& event) {
      f(event);
      throw std::runtime_error("enough");
    }),
                      std::runtime_error);
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(may_be_assigned_to, Event, event_types) {
  default_sender run;
  auto reader = perf_reader<Event>::open(run.events);
  run.send(0, 1, 3);
  BOOST_TEST(reader.consume([&](Event const&) {
    reader = perf_reader<Event>::open(run.events, {.bytes_per_cpu = 1 << 17});
    run.send(0, 1, 2);
  }) == 1U);
  BOOST_TEST(reader.consume([](Event const&) {}) == 2U);
  run.send(0, 1, 4);
  BOOST_TEST(reader.consume([&](Event const&) { reader = {}; }) == 1U);
  BOOST_TEST(run.refused() == 0U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(may_be_moved, Event, event_types) {
  default_sender run;
  auto reader = perf_reader<Event>::open(run.events);
  perf_reader<Event> other;
  run.send(0, 1, 3), run.send(1, 1, 3);
  std::vector<std::uint64_t> numbers;
  // To and fro, and all come nevertheless.
  reader.consume([&](Event const& event) {
    numbers.push_back(number_of(event));
    std::swap(reader, other);
  });
  BOOST_TEST((numbers == std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5}));
  run.send(0, 1, 1);
  BOOST_TEST(reader.consume([](Event const&) {}) == 1U);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(answer_ebusy, Event, event_types) {
  default_sender run;
  auto reader = perf_reader<Event>::open(run.events);
  run.send(0, 1, 3), run.send(1, 1, 3);
  std::vector<std::uint64_t> numbers;
  auto const busy = [&](auto const& call) {
    std::error_code ec;
    BOOST_TEST(call(ec) == 0U);
    BOOST_TEST((ec == std::errc::device_or_resource_busy));
  };
  auto const never = [](Event const&) { BOOST_ERROR("it is another's"); };
  auto const nested = [&](Event const& event) {
    numbers.push_back(number_of(event));
    busy([&](auto& ec) { return reader.consume(never, ec); });
    busy([&](auto& ec) { return reader.poll(-1ms, never, ec); });
    busy([&](auto& ec) { return reader.resync(never, ec); });
    for (Event const& other : reader.available()) never(other);
  };
  reader.consume([&](Event const& event) {
    nested(event);
    return numbers.size() < 3;
  });
  for (Event const& event : reader.available()) nested(event);
  BOOST_TEST((numbers == std::vector<std::uint64_t>{0, 1, 2, 3, 4, 5}));
  run.send(0, 1);
  reader.consume([&](Event const&) {
    auto const message = test::message_of([&] { reader.consume(never); });
    BOOST_TEST(test::has(message, "by the reader's own callback"), message);
  });
}

BOOST_AUTO_TEST_CASE_TEMPLATE(give_no_event_twice_when_a_loop_is_left, Event, event_types) {
  default_sender run;
  auto reader = perf_reader<Event>::open(run.events);
  run.send(0, 1, 5);
  std::vector<std::uint64_t> numbers;
  for (Event const& event : reader.available()) {
    numbers.push_back(number_of(event));
    if (numbers.size() == 2) break;
  }
  try {
    for (Event const& event : reader.available()) {
      numbers.push_back(number_of(event));
      throw std::runtime_error("enough");
    }
  } catch (std::runtime_error const&) {
  }
  // Nobody has looked at this one.
  { [[maybe_unused]] auto const unseen = reader.available().begin(); }
  reader.consume([&](Event const& event) { numbers.push_back(number_of(event)); });
  BOOST_TEST((numbers == std::vector<std::uint64_t>{0, 1, 2, 3, 4}));
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(perf_readers_of_memory_that_others_wrote, *ut::precondition(test::two_cpus) * ut::timeout(60))

// A second mapping of the first CPU's buffer of one page. The kernel lets nobody write its records.
struct intruder {
  default_sender run{{.bytes_per_cpu = 1}};
  bpfmap::detail::mapping memory;

  intruder() {
    std::size_t const page = bpfmap::detail::mapping::page_size();
    for (int fd = 3; fd < 1024 && memory.data() == nullptr; ++fd) {
      char target[64]{};
      std::string const link = "/proc/self/fd/" + std::to_string(fd);
      if (::readlink(link.c_str(), target, sizeof target - 1) < 0 || !test::has(target, "perf_event")) continue;
      std::error_code ec;
      memory = bpfmap::detail::mapping::map(fd, 2 * page, 0, true, ec);
    }
    BOOST_TEST_REQUIRE(memory.data() != nullptr);
  }
  perf_event_mmap_page& page() { return *reinterpret_cast<perf_event_mmap_page*>(memory.data()); }
};

BOOST_AUTO_TEST_CASE(read_nothing_between_positions_that_cannot_be) {
  intruder other;
  auto& run = other.run;
  run.send(0, 1, 3);
  std::uint64_t const head = other.page().data_head;
  for (std::uint64_t const wrong : {head + (1U << 20), head + (std::uint64_t{1} << 40), ~std::uint64_t{0} - 7}) {
    other.page().data_head = wrong;
    std::uint64_t const malformed = run.reader.malformed();
    std::error_code ec;
    BOOST_TEST(run.reader.consume(ignore, ec) == 0U);
    BOOST_TEST((ec == std::errc::bad_message));
    BOOST_TEST(run.reader.poll(-1ms, ignore, ec) == 0U);
    BOOST_TEST((ec == std::errc::bad_message));
    for ([[maybe_unused]] auto const& event : run.reader.available()) BOOST_ERROR("there is none");
    BOOST_TEST(run.reader.malformed() == malformed + 3);
  }
  // The kernel knows better with the next record, and then none is missing.
  run.send(0, 1, 1);
  BOOST_TEST(taken(run.reader) == 4U);
  // A position before the reader's own.
  other.page().data_head = head;
  std::error_code ec;
  BOOST_TEST(run.reader.consume(ignore, ec) == 0U);
  BOOST_TEST((ec == std::errc::bad_message));
  // New buffers are right at once, and the old one is not kept for ever.
  run.reader.resync(ignore, ec);
  run.send_from_all();
  BOOST_TEST(taken(run.reader) == run.online.size());
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(perf_readers_that_are_empty)

BOOST_AUTO_TEST_CASE(answer_ebadf_and_zero) {
  reader_type reader;
  std::error_code ec;
  BOOST_TEST(reader.consume(ignore, ec) == 0U);
  BOOST_TEST((ec == std::errc::bad_file_descriptor));
  BOOST_TEST(reader.poll(-1ms, ignore, ec) == 0U);
  BOOST_TEST((ec == std::errc::bad_file_descriptor));
  BOOST_TEST(reader.resync(ignore, ec) == 0U);
  BOOST_TEST((ec == std::errc::bad_file_descriptor));
  for ([[maybe_unused]] auto const& event : reader.available()) BOOST_ERROR("there is none");
  BOOST_TEST(reader.lost() + reader.malformed() + reader.cpu_count() + reader.lost(bpfmap::cpu{0}) == 0U);
  BOOST_TEST(reader.fd() == -1);
}

BOOST_AUTO_TEST_SUITE_END()
