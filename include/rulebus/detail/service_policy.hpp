// service_policy: the resource policy of a bus, which is kept and told again: IAM's JSON, read as far as statements by id go.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "rulebus/result.hpp"

namespace rulebus::inline v1::detail {

class service_policy {
 public:
  static constexpr std::size_t max_bytes = 10240;

  bool empty() const noexcept { return statements_.empty(); }
  /// {"Version":…,"Statement":[…]}, compact; empty when there are no statements.
  std::string text() const;

  /// Replaces all by a policy's text. Errors: errc::invalid_json, errc::invalid_argument, errc::limit_exceeded.
  result<void> replace(std::string_view json);
  /// Adds a statement, or replaces that of the same id where it stands. Error: errc::limit_exceeded.
  result<void> put(std::string_view statement_id, std::string statement_json);
  /// False when there is none.
  bool remove(std::string_view statement_id);

 private:
  struct statement {
    std::string id;    // empty: it has none
    std::string json;  // compact
  };
  static result<service_policy> parse(std::string_view json);

  std::string others_ = R"("Version":"2012-10-17")";  // the members but the statements, compact
  std::vector<statement> statements_;
};

}  // namespace rulebus::inline v1::detail
