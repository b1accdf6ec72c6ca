#include "rulebus/detail/regexp.hpp"

#include <fmt/format.h>
#include <re2/re2.h>

#include <utility>

namespace rulebus::inline v1::detail {

namespace regexp_re2 {

class expression final : public regexp {
 public:
  expression(std::string_view text, const re2::RE2::Options& options)
      : compiled_(re2::StringPiece(text.data(), text.size()), options) {}

  bool matches(std::string_view value) const override {
    return re2::RE2::FullMatch(re2::StringPiece(value.data(), value.size()), compiled_);
  }
  const re2::RE2& compiled() const { return compiled_; }

 private:
  re2::RE2 compiled_;
};

}  // namespace regexp_re2

result<std::shared_ptr<const regexp>> regexp::compile(std::string_view text) {
  re2::RE2::Options options;
  options.set_log_errors(false);
  options.set_max_mem(std::int64_t{1} << 20);
  auto out = std::make_shared<const regexp_re2::expression>(text, options);
  if (!out->compiled().ok()) {
    return error{errc::invalid_pattern, fmt::format("Invalid regular expression: {}", out->compiled().error())};
  }
  return std::shared_ptr<const regexp>(std::move(out));
}

}  // namespace rulebus::inline v1::detail
