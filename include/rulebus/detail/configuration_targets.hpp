// configuration_targets: the targets that descriptions stand for, each made once, and what they were described as.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>

#include "rulebus/configuration.hpp"
#include "rulebus/detail/configuration_document.hpp"

namespace rulebus::inline v1::detail {

/// Thread safety: all of it; resolvers and `replace` run without a lock.
class configuration_targets {
 public:
  configuration_targets(service& of, const configuration_options& options) : of_(of), options_(options) {}

  /// The target that is there for this description, or a new one. Errors have no place.
  result<std::shared_ptr<target>> find_or_make(const target_description& given);
  /// Without its ARN, unless that is all there is; nothing when it did not come from here.
  std::optional<target_description> describe(const std::shared_ptr<target>& t) const;
  std::shared_ptr<queue_target> queue(std::string_view name) const;

 private:
  struct made {
    std::weak_ptr<target> used;
    std::weak_ptr<bus> to;  // of a bus target
  };
  result<std::shared_ptr<target>> make(const target_description& d, const std::shared_ptr<bus>& to);
  void forget_what_is_gone();

  service& of_;
  const configuration_options& options_;
  mutable std::mutex mutex_;
  std::map<std::string, made, std::less<>> by_text_;                                                       // guarded by mutex_
  std::map<std::weak_ptr<target>, target_description, std::owner_less<std::weak_ptr<target>>> by_target_;  // guarded by mutex_
};

}  // namespace rulebus::inline v1::detail
