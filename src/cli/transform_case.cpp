#include "transform_case.hpp"

#include <fmt/format.h>

#include <unordered_map>
#include <utility>
#include <vector>

#include "json_slices.hpp"
#include "output.hpp"
#include "rulebus/detail/json_reader.hpp"

namespace rulebus::cli {
namespace {

constexpr std::size_t any_depth = std::size_t{1} << 24;

enum class spelling { as_written, plain };  // plain: strings without needless escapes, to compare

/// The one JSON value that the text is, without white space; nothing when it is not one.
std::optional<std::string> one_value(std::string_view text, spelling how) {
  using detail::token;
  detail::json_reader reader(text, any_depth);
  std::string out;
  bool comma = false;  // the last token ended a value
  for (token t = reader.next(); t != token::end; t = reader.next()) {
    if (t == token::error) return std::nullopt;
    const bool closes = t == token::object_end || t == token::array_end;
    if (comma && !closes) out += ',';
    comma = t != token::object_begin && t != token::array_begin && t != token::key;
    const bool is_string = t == token::string || t == token::key;
    if (is_string && how == spelling::plain) {
      append_json_string(out, reader.text());
    } else {
      out += text.substr(reader.offset(), reader.end_offset() - reader.offset());
    }
    if (t == token::key) out += ':';
  }
  return out;
}

/// The members of an object by their names; the last of a name counts.
class member_map {
 public:
  bool read(std::string_view object) {
    std::vector<raw_member> all;
    if (!slice_object(object, all)) return false;
    for (const raw_member& m : all) {
      if (auto key = decode_string(m.key)) members_[*std::move(key)] = m.value;
    }
    return true;
  }
  /// Null when there is none, or it is null.
  const std::string_view* find(const char* name) const {
    const auto found = members_.find(name);
    return found == members_.end() || found->second == "null" ? nullptr : &found->second;
  }
  const std::string_view* find(const char* name, const char* other) const {
    const std::string_view* found = find(name);
    return found != nullptr ? found : find(other);
  }
  const auto& all() const { return members_; }

 private:
  std::unordered_map<std::string, std::string_view> members_;
};

/// Reads the members of one line into a case. Each step answers false after setting the complaint.
class transform_case_parser {
 public:
  transform_case_parser(transform_case& out, std::string& complaint) : out_(out), complaint_(complaint) {}

  bool parse(std::string_view line, std::size_t number) {
    out_ = {};
    out_.id = fmt::format("{}", number);
    if (!line_.read(line)) {
      const rulebus::error e = json_complaint(line, "an object");
      return refuse(fmt::format("{} (byte {})", e.message, e.offset));
    }
    return id() && event() && target() && rule() && flag(line_, "quoted_names", out_.quoted_names) &&
           flag(line_, "aws_limits", out_.aws_limits) && expected();
  }

 private:
  bool refuse(std::string message) {
    complaint_ = std::move(message);
    return false;
  }

  bool text(const member_map& in, const char* name, std::string& out) {
    const std::string_view* raw = in.find(name);
    if (raw == nullptr) return true;
    auto decoded = decode_string(*raw);
    if (!decoded) return refuse(fmt::format("\"{}\" must be a string", name));
    out = *std::move(decoded);
    return true;
  }
  bool text(const member_map& in, const char* name, std::optional<std::string>& out) {
    return in.find(name) == nullptr || text(in, name, out.emplace());
  }
  bool flag(const member_map& in, const char* name, bool& out) {
    const std::string_view* raw = in.find(name);
    if (raw == nullptr) return true;
    if (*raw != "true" && *raw != "false") return refuse(fmt::format("\"{}\" must be true or false", name));
    out = *raw == "true";
    return true;
  }
  /// JSON text: a string holds it, anything else is it.
  bool json_text(const std::string_view* raw, const char* name, std::optional<std::string>& out) {
    if (raw == nullptr) return true;
    if (raw->front() != '"') return out = std::string(*raw), true;
    out = decode_string(*raw);
    return out || refuse(fmt::format("\"{}\" is not a valid JSON string", name));
  }

  bool id() {
    const std::string_view* raw = line_.find("id");
    if (raw == nullptr) return true;
    const auto value = one_value(*raw, spelling::as_written);
    const bool scalar = value && (raw->front() == '"' || raw->front() == '-' || (raw->front() >= '0' && raw->front() <= '9'));
    if (!scalar) return refuse(R"("id" must be a string or a number)");
    out_.id = *raw;
    return true;
  }

  bool event() { return json_text(line_.find("event"), "event", out_.event); }

  bool target() {
    if (!text(line_, "target_id", out_.target_id)) return false;
    if (!json_text(line_.find("input"), "input", out_.target.input)) return false;
    if (!text(line_, "input_path", out_.target.input_path)) return false;
    const std::string_view* raw = line_.find("input_transformer");
    return raw == nullptr || transformer(*raw);
  }

  /// The service's names, or ours. Recorded cases of an input too many have it in here.
  bool transformer(std::string_view raw) {
    member_map object;
    if (!object.read(raw)) return refuse(R"("input_transformer" must be an object)");
    input_transformer& made = out_.target.input_transformer.emplace();
    const char* const template_name = object.find("InputTemplate") != nullptr ? "InputTemplate" : "input_template";
    if (object.find(template_name) == nullptr) return refuse(R"("input_transformer" must have "InputTemplate", a string)");
    if (!text(object, template_name, made.input_template)) return false;
    if (!json_text(object.find("Input"), "Input", out_.target.input)) return false;
    if (!text(object, "InputPath", out_.target.input_path)) return false;
    const std::string_view* paths = object.find("InputPathsMap", "input_paths_map");
    if (paths == nullptr) return true;
    member_map map;
    if (!map.read(*paths)) return refuse(R"("InputPathsMap" must be an object of strings)");
    for (const auto& [name, value] : map.all()) {
      auto path = decode_string(value);
      if (!path) return refuse(R"("InputPathsMap" must be an object of strings)");
      made.input_paths_map[name] = *std::move(path);
    }
    return true;
  }

  bool rule() {
    const std::string_view* raw = line_.find("rule");
    if (raw == nullptr) return true;
    member_map object;
    if (!object.read(*raw)) return refuse(R"("rule" must be an object)");
    return text(object, "rule_name", out_.rule_name) && text(object, "rule_arn", out_.rule_arn) &&
           text(object, "ingestion_time", out_.ingestion_time);
  }

  bool expected() {
    const std::string_view* delivered = line_.find("delivered");
    if (delivered != nullptr) out_.delivered = std::string(*delivered);
    if (!text(line_, "delivered_text", out_.delivered_text)) return false;
    const char* const message = line_.find("error") != nullptr ? "error" : "error_message";
    if (!text(line_, message, out_.error)) return false;
    out_.any_error = line_.find("error_code") != nullptr;
    const std::string_view* dropped = line_.find("dropped");
    if (dropped != nullptr && dropped->front() == '"') return text(line_, "dropped", out_.dropped);
    return flag(line_, "dropped", out_.any_drop);
  }

  transform_case& out_;
  std::string& complaint_;
  member_map line_;
};

std::string shown(const transform_case_answer& a) {
  if (a.error) return "error: " + *a.error;
  if (a.dropped) return "dropped: " + *a.dropped;
  return *a.delivered;
}

std::string shown_expectation(const transform_case& c) {
  if (c.error) return "error: " + *c.error;
  if (c.any_error) return "an error";
  if (c.dropped) return "dropped: " + *c.dropped;
  if (c.any_drop) return "dropped";
  return c.delivered_text ? *c.delivered_text : *c.delivered;
}

bool is_as_expected(const transform_case& c, const transform_case_answer& a) {
  if (c.error || c.any_error) return a.error && (!c.error || *c.error == *a.error);
  if (c.dropped || c.any_drop) return a.dropped && (!c.dropped || *c.dropped == *a.dropped);
  if (!a.delivered) return false;
  if (c.delivered_text && *c.delivered_text != *a.delivered) return false;
  if (!c.delivered) return true;
  const auto value = one_value(*a.delivered, spelling::plain);
  if (value) return value == one_value(*c.delivered, spelling::plain);
  return decode_string(*c.delivered) == a.delivered;  // several lines of text are shown as a string
}

}  // namespace

bool parse_transform_case(std::string_view line, std::size_t number, transform_case& out, std::string& complaint) {
  return transform_case_parser(out, complaint).parse(line, number);
}

transform_case_answer answer(const transform_case& c, transformer_options options) {
  if (c.aws_limits) {
    const bool quoted_names = options.allow_quoted_names;
    options = transformer_options::aws();
    options.allow_quoted_names = quoted_names;
  }
  options.allow_quoted_names = options.allow_quoted_names || c.quoted_names;
  if (!c.event) {
    const auto valid = transformer::parse(c.target, c.target_id, options);
    return valid ? transform_case_answer{{}, R"(there is no "event")", {}} : transform_case_answer{{}, valid.error().message, {}};
  }
  const transform_context context{c.rule_name, c.rule_arn, c.ingestion_time};
  auto made = transform(c.target, *c.event, context, c.target_id, options);
  if (!made) return {{}, std::move(made).error().message, {}};
  if (!made->input) return {{}, {}, std::move(made->reason)};
  return {std::move(made->input), {}, {}};
}

std::string answer_json(const transform_case& c, const transform_case_answer& a) {
  std::string out = fmt::format(R"({{"id":{},)", c.id);
  if (a.error) {
    out += R"("error":)" + json_string(*a.error);
  } else if (a.dropped) {
    out += R"("dropped":)" + json_string(*a.dropped);
  } else if (const auto value = one_value(*a.delivered, spelling::as_written)) {
    out += R"("delivered":)" + *value;
  } else {
    const std::string text = json_string(*a.delivered);
    out += R"("delivered":)" + text + R"(,"delivered_text":)" + text;
  }
  return out + "}\n";
}

std::optional<transform_difference> compare(const transform_case& c, const transform_case_answer& a) {
  if (!c.expects_something() || is_as_expected(c, a)) return std::nullopt;
  return transform_difference{shown_expectation(c), shown(a)};
}

}  // namespace rulebus::cli
