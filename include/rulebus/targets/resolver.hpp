// target_resolver: from the ARN of a target, as configuration names it, to the target, as code registers it.
//
//   rulebus::target_resolver targets;
//   targets.add("arn:aws:sqs:local:000000000000:orders", orders_queue).value();          // that one
//   targets.add("arn:aws:lambda:", [](std::string_view arn) { return make_lambda(arn); }).value();   // all that begin so
//   auto t = targets.resolve("arn:aws:lambda:local:000000000000:function:pay");
//
// A name stands for itself and for everything that goes on behind it with ':' or '/'; one that ends in ':', '/' or '*' for
// everything that begins so. Of several the longest counts. "arn:aws:sqs:…:orders" is thus not "…:orders-old"; "…:orders*" is
// both.
//
// Thread safety: all of it; factories run without a lock. Cost of resolve: linear in the number of names.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "rulebus/export.hpp"
#include "rulebus/result.hpp"
#include "rulebus/target.hpp"

namespace rulebus::inline v1 {

class target_resolver {
 public:
  /// Makes or finds the target of this ARN. What it throws becomes an error.
  using factory = std::function<result<std::shared_ptr<target>>(std::string_view arn)>;

  /// Errors: errc::invalid_argument (an empty name, nothing to register), errc::already_exists.
  RULEBUS_API result<void> add(std::string name, factory make);
  RULEBUS_API result<void> add(std::string name, std::shared_ptr<target> t);
  RULEBUS_API bool remove(std::string_view name);  ///< false: it was not there

  /// Errors: errc::not_found, with the names that there are; those of the factory.
  RULEBUS_API result<std::shared_ptr<target>> resolve(std::string_view arn) const;
  RULEBUS_API std::vector<std::string> names() const;  ///< in order

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::shared_ptr<const factory>, std::less<>> factories_;  // guarded by mutex_
};

}  // namespace rulebus::inline v1
