// SPDX-License-Identifier: MIT
// Headers of functions, variables and templates that are in two translation units of a program are one, and
// the linker finds nothing twice.

#include "odr.hpp"

#include <boost/test/unit_test.hpp>

sight second_sight();
sight sight_without_exceptions();

BOOST_AUTO_TEST_SUITE(odr)

BOOST_AUTO_TEST_CASE(two_translation_units_see_the_same) {
  sight const first = look();
  sight const second = second_sight();
  BOOST_TEST(first.category == second.category);
  BOOST_TEST(first.traits == second.traits);
  BOOST_TEST(first.locked == second.locked);
  BOOST_TEST(first.possible_cpus == second.possible_cpus);
  BOOST_TEST(first.vmlinux == second.vmlinux);
  BOOST_TEST(first.counter_known == second.counter_known);
  BOOST_TEST((first.make_error == second.make_error));
  BOOST_TEST(first.found == 3U);
  BOOST_TEST(second.found == 3U);
}

BOOST_AUTO_TEST_CASE(one_without_exceptions_has_a_bpfmap_of_its_own) {
  sight const first = look();
  sight const other = sight_without_exceptions();
  BOOST_TEST(first.category != other.category);
  BOOST_TEST(first.traits != other.traits);
  BOOST_TEST((first.make_error != other.make_error));
  BOOST_TEST(other.found == 3U);
}

BOOST_AUTO_TEST_SUITE_END()
