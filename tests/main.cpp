// The main function of rulebus_tests. `rulebus_tests --help` lists the options, such as --test-case="*numeric*".
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
