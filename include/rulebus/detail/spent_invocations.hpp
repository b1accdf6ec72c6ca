// spent_invocations: memory of invocations that ended in another thread than they were made in (invocation::dispose). What one
// thread allocates and another frees makes the two wait for each other within malloc; so it goes back to those that put.
//
// Thread safety: all of it. Memory: at most `most` invocations, each of at most invocation::small bytes of text.
#pragma once

#include <cstddef>
#include <memory>

#include "rulebus/detail/counted.hpp"
#include "rulebus/detail/invocation.hpp"
#include "rulebus/detail/pointer_ring.hpp"
#include "rulebus/export.hpp"

namespace rulebus::inline v1::detail {

class spent_invocations {
 public:
  static constexpr std::size_t most = 256;
  spent_invocations() = default;
  RULEBUS_API ~spent_invocations();
  spent_invocations(const spent_invocations&) = delete;
  spent_invocations& operator=(const spent_invocations&) = delete;

  bool keep(invocation& i) noexcept { return ring_.push(&i); }  ///< false: there are enough
  /// In the memory of one that is spent, where there is one; and frees another, so that they do not grow in number while one is
  /// made for each that ends.
  RULEBUS_API counted_ptr<invocation> make(const rulebus::event& e, const counted_ptr<lane>& l,
                                           const std::shared_ptr<const entry_extras>& extras);

 private:
  void prefetch() const noexcept;

  pointer_ring<invocation, most> ring_;
};

}  // namespace rulebus::inline v1::detail
