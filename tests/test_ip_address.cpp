#include "rulebus/detail/ip_address.hpp"

#include <doctest/doctest.h>

#include "random_source.hpp"

using namespace rulebus;
using namespace rulebus::detail;

namespace {

// The canonical text of an address, or "none".
std::string canonical(std::string_view text) {
  const auto address = parse_ip(text);
  return address ? to_string(*address) : "none";
}

std::string network(std::string_view text, bool allow_single_address = false) {
  const auto n = parse_cidr(text, allow_single_address);
  return n ? to_string(n->base) + '/' + std::to_string(n->bits) : n.error().message;
}

}  // namespace

TEST_CASE("ip: four decimal groups are an address, leading zeros and all") {
  CHECK(canonical("10.0.0.1") == "10.0.0.1");
  CHECK(canonical("010.000.0000.00000000000000000000001") == "10.0.0.1");
  CHECK(canonical("255.255.255.255") == "255.255.255.255");
  CHECK(canonical("08.09.0.0") == "8.9.0.0");
}

TEST_CASE("ip: hexadecimal groups with colons are an address, written as RFC 5952 says") {
  CHECK(canonical("2001:db8::1") == "2001:db8::1");
  CHECK(canonical("2001:0DB8:0:0:0:0:0:1") == "2001:db8::1");
  CHECK(canonical("::") == "::");
  CHECK(canonical("::1") == "::1");
  CHECK(canonical("1::") == "1::");
  CHECK(canonical("1:2:3:4:5:6:7::") == "1:2:3:4:5:6:7:0");
  CHECK(canonical("::2:3:4:5:6:7:8") == "0:2:3:4:5:6:7:8");
  CHECK(canonical("1:0:0:2:0:0:0:3") == "1:0:0:2::3");
  CHECK(canonical("1:0:0:2:3:0:0:4") == "1::2:3:0:0:4");
  CHECK(canonical("1:0:2:3:4:5:6:7") == "1:0:2:3:4:5:6:7");
}

TEST_CASE("ip: a v4-mapped v6 address is the v4 address") {
  CHECK(parse_ip("::ffff:a00:1") == parse_ip("10.0.0.1"));
  CHECK(parse_ip("0:0:0:0:0:FFFF:0a00:0001") == parse_ip("10.0.0.1"));
  CHECK(canonical("::fffe:a00:1") == "::fffe:a00:1");
  CHECK(canonical("::a00:1") == "::a00:1");
}

TEST_CASE("ip: anything else is no address") {
  for (const std::string text : {"",
                                 "1.2.3",
                                 "1.2.3.4.5",
                                 "1.2.3.256",
                                 "1.2.3.99999999999999999999",
                                 "1..2.3",
                                 ".1.2.3",
                                 "1.2.3.",
                                 "1.2.3.a",
                                 "1.2.3.-4",
                                 " 1.2.3.4",
                                 "1.2.3.4 ",
                                 "0x1.2.3.4",
                                 ":",
                                 ":::",
                                 "1:2",
                                 "::1::",
                                 "1::2::3",
                                 "12345::",
                                 "1:2:3:4:5:6:7:8:9",
                                 "1:2:3:4:5:6:7:8::",
                                 "::1:2:3:4:5:6:7:8",
                                 ":1:2:3:4:5:6:7:8",
                                 "1:2:3:4:5:6:7:",
                                 "::ffff:10.0.0.1",
                                 "fe80::1%eth0",
                                 "[::1]",
                                 "g::",
                                 "1:2:3:4::5:6:7:8"}) {
    CAPTURE(text);
    CHECK(canonical(text) == "none");
  }
}

TEST_CASE("ip: the canonical text of any address is read as that address") {
  const std::uint64_t seed = tests::seed();
  MESSAGE("seed " << seed);
  tests::random_source random(seed);
  for (int i = 0; i < 20'000 / static_cast<int>(tests::build_slowness); ++i) {
    ip_address address;
    address.size = random.percent(30) ? 4 : 16;
    for (std::size_t b = 0; b < address.size; ++b) {
      if (random.percent(50)) address.bytes[b] = static_cast<std::uint8_t>(random.below(256));
    }
    const std::string text = to_string(address);
    CAPTURE(text);
    REQUIRE(parse_ip(text) == address);
  }
}

TEST_CASE("cidr: masks its address, so host bits are allowed") {
  CHECK(network("10.1.2.3/8") == "10.0.0.0/8");
  CHECK(network("255.255.255.255/31") == "255.255.255.254/31");
  CHECK(network("1.2.3.4/0") == "0.0.0.0/0");
  CHECK(network("2001:db8:ffff::1/33") == "2001:db8:8000::/33");
  CHECK(network("ffff::1/127") == "ffff::/127");
  CHECK(network("::ffff:a01:203/8") == "10.0.0.0/8");
}

TEST_CASE("cidr: is split as Java's String.split does, and reads bits as Integer.parseInt does") {
  CHECK(network("10.0.0.0/8//") == "10.0.0.0/8");
  CHECK(network("10.0.0.0/+8") == "10.0.0.0/8");
  CHECK(network("10.0.0.0/008") == "10.0.0.0/8");
  CHECK(network("10.0.0.0/-0") == "0.0.0.0/0");
}

TEST_CASE("cidr: errors have the service's words") {
  CHECK(network("bad-filter") == "Malformed CIDR, one '/' required");
  CHECK(network("") == "Malformed CIDR, one '/' required");
  CHECK(network("10.0.0.0/") == "Malformed CIDR, one '/' required");
  CHECK(network("10.0.0.0//8") == "Malformed CIDR, one '/' required");
  CHECK(network("bad-/64filter") == "Malformed CIDR, mask bits must be an integer");
  CHECK(network("10.0.0.0/ 8") == "Malformed CIDR, mask bits must be an integer");
  CHECK(network("10.0.0.0/+") == "Malformed CIDR, mask bits must be an integer");
  CHECK(network("10.0.0.0/-1") == "Malformed CIDR, mask bits must not be negative");
  CHECK(network("xx.11.xx/8") == "Nonstandard IP address: xx.11.xx");
  CHECK(network("/8") == "Nonstandard IP address: ");
  CHECK(network("::ffff:10.0.0.0/104") == "Nonstandard IP address: ::ffff:10.0.0.0");
  CHECK(network("2001:db8::1::/32") == "Invalid IP address: 2001:db8::1::");
  CHECK(network("10.0.0.256/8") == "Invalid IP address: 10.0.0.256");
  CHECK(network("10.0.0.0/32") == "IPv4 mask bits must be < 32");
  CHECK(network("10.0.0.0/99999999999999999999") == "IPv4 mask bits must be < 32");
  CHECK(network("::ffff:a00:0/104") == "IPv4 mask bits must be < 32");
  CHECK(network("::/128") == "IPv6 mask bits must be < 128");
}

TEST_CASE("cidr: whole addresses only when allowed") {
  CHECK(network("10.0.0.1/32", true) == "10.0.0.1/32");
  CHECK(network("::1/128", true) == "::1/128");
  CHECK(network("10.0.0.1/33", true) == "IPv4 mask bits must be <= 32");
  CHECK(network("::1/129", true) == "IPv6 mask bits must be <= 128");
}

TEST_CASE("cidr: contains the addresses of its own family with the same first bits") {
  const ip_network n = parse_cidr("10.20.0.0/14", false).value();
  for (const char* in : {"10.20.0.0", "10.23.255.255", "::ffff:a14:0"}) CHECK(contains(n, *parse_ip(in)));
  for (const char* out : {"10.19.255.255", "10.24.0.0", "::a14:0", "::"}) CHECK_FALSE(contains(n, *parse_ip(out)));
  CHECK_FALSE(contains(parse_cidr("::/0", false).value(), *parse_ip("1.2.3.4")));
  CHECK(contains(parse_cidr("::/0", false).value(), *parse_ip("ffff::")));
  CHECK(masked(*parse_ip("255.255.255.255"), 9) == *parse_ip("255.128.0.0"));
}
