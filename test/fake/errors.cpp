// SPDX-License-Identifier: MIT
// Error codes and texts: the kernel's own number 524, libbpf's from 4000 on, and how an error reads.
#include "ring.hpp"

#include <array>
#include <cstring>

namespace {

using bpfmap::errno_symbol;
using bpfmap::make_error;
using test::has;

}  // namespace

BOOST_FIXTURE_TEST_SUITE(errors, test::ring)

BOOST_AUTO_TEST_CASE(are_made_of_errno_numbers_of_either_sign) {
  BOOST_TEST(make_error(-EPERM).value() == EPERM);
  BOOST_TEST(make_error(EPERM).value() == EPERM);
  BOOST_TEST(!make_error(0));
  BOOST_TEST((make_error(EPERM).category() == bpfmap::bpf_category()));
  BOOST_TEST(std::string(bpfmap::bpf_category().name()) == "bpf");
}

BOOST_AUTO_TEST_CASE(compare_with_the_standards_conditions) {
  BOOST_TEST((make_error(EPERM) == std::errc::operation_not_permitted));
  BOOST_TEST((make_error(E2BIG) == std::errc::argument_list_too_long));
  BOOST_TEST((make_error(ENOENT) != std::errc::operation_not_permitted));
  BOOST_TEST((make_error(524) == std::errc::operation_not_supported));
  BOOST_TEST((make_error(EOPNOTSUPP) == std::errc::operation_not_supported));
  BOOST_TEST((make_error(524) == std::errc::not_supported));
}

BOOST_AUTO_TEST_CASE(of_number_524_have_a_text_and_a_symbol) {
  BOOST_TEST(make_error(524).message() == "Operation not supported by this kind of map or program");
  BOOST_TEST(errno_symbol(524) == "ENOTSUPP");
  BOOST_TEST(errno_symbol(EOPNOTSUPP) == "EOPNOTSUPP");
}

BOOST_AUTO_TEST_CASE(of_errno_numbers_have_the_systems_text) {
  for (int const number : {EPERM, ENOENT, E2BIG, EINVAL, ESTALE, ELOOP, EHWPOISON}) {
    BOOST_TEST(make_error(number).message() == std::strerror(number));
  }
  BOOST_TEST(!make_error(12345).message().empty());
}

BOOST_AUTO_TEST_CASE(of_libbpf_have_texts_of_their_own) {
  BOOST_TEST(make_error(LIBBPF_ERRNO__LIBELF).message() == "libelf could not be used");
  BOOST_TEST(make_error(LIBBPF_ERRNO__FORMAT).message() == "this is not a valid ELF or BTF file");
  BOOST_TEST(has(make_error(LIBBPF_ERRNO__ENDIAN).message(), "byte order"));
  BOOST_TEST(has(make_error(LIBBPF_ERRNO__INTERNAL).message(), "internal error"));
  BOOST_TEST(has(make_error(LIBBPF_ERRNO__RELOC).message(), "relocation"));
  BOOST_TEST(has(make_error(LIBBPF_ERRNO__LOAD).message(), "refused"));
  BOOST_TEST(has(make_error(LIBBPF_ERRNO__VERIFY).message(), "verif"));
  BOOST_TEST(has(make_error(LIBBPF_ERRNO__PROG2BIG).message(), "too big"));
  BOOST_TEST(has(make_error(LIBBPF_ERRNO__PROGTYPE).message(), "type"));
  BOOST_TEST(has(make_error(LIBBPF_ERRNO__WRNGPID).message(), "process id"));
  BOOST_TEST(has(make_error(LIBBPF_ERRNO__INVSEQ).message(), "sequence"));
  BOOST_TEST(has(make_error(LIBBPF_ERRNO__NLPARSE).message(), "netlink"));
  for (int number = LIBBPF_ERRNO__LIBELF; number < __LIBBPF_ERRNO__END; ++number) {
    BOOST_TEST(!has(make_error(number).message(), "Unknown error"), number);
  }
  BOOST_TEST(has(make_error(3999).message(), "3999"));
  BOOST_TEST(has(make_error(5000).message(), "5000"));
}

// A text behind libbpf's last number belongs to nothing, or one before it is a line too low.
BOOST_AUTO_TEST_CASE(of_libbpf_have_no_more_texts_than_libbpf_has_numbers) {
  BOOST_TEST(std::size(bpfmap::detail::libbpf_errors) <=
             static_cast<std::size_t>(__LIBBPF_ERRNO__END - LIBBPF_ERRNO__LIBELF));
}

// Those that stand behind @errors, or that the kernel answers to what bpfmap asks.
BOOST_AUTO_TEST_CASE(that_are_documented_have_a_symbol) {
  struct entry {
    int number;
    std::string_view symbol;
  };
  for (auto const& [number, symbol] : {entry{EPERM, "EPERM"},
                                       {ENOENT, "ENOENT"},
                                       {E2BIG, "E2BIG"},
                                       {EBADF, "EBADF"},
                                       {ENOMEM, "ENOMEM"},
                                       {EACCES, "EACCES"},
                                       {EFAULT, "EFAULT"},
                                       {EBUSY, "EBUSY"},
                                       {EEXIST, "EEXIST"},
                                       {ENODEV, "ENODEV"},
                                       {EINVAL, "EINVAL"},
                                       {EMFILE, "EMFILE"},
                                       {ENOSPC, "ENOSPC"},
                                       {ERANGE, "ERANGE"},
                                       {EDEADLK, "EDEADLK"},
                                       {ENAMETOOLONG, "ENAMETOOLONG"},
                                       {ENOSYS, "ENOSYS"},
                                       {ELOOP, "ELOOP"},
                                       {ENOTSOCK, "ENOTSOCK"},
                                       {EOPNOTSUPP, "EOPNOTSUPP"},
                                       {ETIMEDOUT, "ETIMEDOUT"},
                                       {ESTALE, "ESTALE"},
                                       {EBADMSG, "EBADMSG"},
                                       {EOVERFLOW, "EOVERFLOW"},
                                       {EIO, "EIO"},
                                       {EINTR, "EINTR"},
                                       {EROFS, "EROFS"},
                                       {EISDIR, "EISDIR"}}) {
    BOOST_TEST(errno_symbol(number) == symbol);
  }
  BOOST_TEST(errno_symbol(0).empty());
  BOOST_TEST(errno_symbol(99999).empty());
}

BOOST_AUTO_TEST_CASE(that_are_documented_but_rarer_have_a_symbol_too) {
  BOOST_TEST(errno_symbol(ENODATA) == "ENODATA");  // memory_usage(), cpu_set::read()
  BOOST_TEST(errno_symbol(ENXIO) == "ENXIO");      // program::run()
  BOOST_TEST(errno_symbol(ENFILE) == "ENFILE");    // the system has no more files
}

BOOST_AUTO_TEST_CASE(tell_operation_subject_text_symbol_and_hint) {
  bpfmap::error const whole(make_error(E2BIG), bpfmap::operation::insert, "'flows' (hash, key 4, value 8)", "flows",
                            "the map is full");
  BOOST_TEST(std::string(whole.what()) ==
             "insert on 'flows' (hash, key 4, value 8): Argument list too long [E2BIG]: the map is full");
  BOOST_TEST(whole.operation() == "insert");
  BOOST_TEST(whole.map_name() == "flows");
  BOOST_TEST(whole.hint() == "the map is full");
  BOOST_TEST(whole.code().value() == E2BIG);
  bpfmap::error const bare(make_error(12345), bpfmap::operation::load, "", "", "");
  BOOST_TEST(has(bare.what(), "load: "));
  BOOST_TEST(!has(bare.what(), "["));
  BOOST_TEST(!has(bare.what(), " on "));
  // It is a std::system_error, copied like any exception.
  try {
    throw whole;
  } catch (std::system_error const& caught) {
    BOOST_TEST(std::string(caught.what()) == whole.what());
  }
}

BOOST_AUTO_TEST_CASE(hint_at_what_a_lock_that_is_held_means) {
  using bpfmap::detail::element_hint;
  auto const& traits = bpfmap::traits_of(bpfmap::map_type::hash);
  for (int const number : {EBUSY, EDEADLK, ETIMEDOUT}) {
    BOOST_TEST(has(element_hint(traits, bpfmap::operation::insert, number, 1), "try again"));
  }
  // Fullness has another errno in tries.
  auto const& trie = bpfmap::traits_of(bpfmap::map_type::lpm_trie);
  BOOST_TEST(element_hint(trie, bpfmap::operation::insert, ENOSPC, 9) == "the map already holds its 9 entries");
  BOOST_TEST(element_hint(trie, bpfmap::operation::insert, E2BIG, 9).empty());
  BOOST_TEST(element_hint(traits, bpfmap::operation::insert, ENOSPC, 9).empty());
}

BOOST_AUTO_TEST_SUITE_END()
