#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <optional>
#include <utility>

#include "rulebus/detail/json_reader.hpp"
#include "rulebus/detail/json_text.hpp"
#include "rulebus/detail/transformer_program.hpp"

namespace rulebus::inline v1::detail {

namespace transformer_template {

enum class template_kind : std::uint8_t {
  object,  // JSON that begins with {
  json,    // any other JSON
  text,    // begins with a quote: one text a line
};

struct placeholder {
  std::size_t begin = 0, end = 0;  // of <name> in the template
  std::string_view name{};
  bool in_string = false;
};

/// The placeholder whose < is at `at`. A < that no > follows before the end of the line, of the string or another < is itself.
std::optional<placeholder> placeholder_at(std::string_view text, std::size_t at) {
  const std::size_t end = text.find_first_of("<>\"\n", at + 1);
  if (end == std::string_view::npos || text[end] != '>' || end == at + 1) return std::nullopt;
  return placeholder{at, end + 1, text.substr(at + 1, end - at - 1)};
}

std::vector<placeholder> find_placeholders(std::string_view text) {
  std::vector<placeholder> found;
  bool in_string = false;
  for (std::size_t at = 0; at < text.size(); ++at) {
    const char c = text[at];
    if (in_string && c == '\\') {
      ++at;
    } else if (c == '"') {
      in_string = !in_string;
    } else if (c == '<') {
      if (auto p = placeholder_at(text, at)) {
        p->in_string = in_string;
        at = p->end - 1;
        found.push_back(*p);
      }
    }
  }
  return found;
}

std::optional<piece_source> reserved(std::string_view name) {
  if (name == "aws.events.rule-name") return piece_source::rule_name;
  if (name == "aws.events.rule-arn") return piece_source::rule_arn;
  if (name == "aws.events.event.ingestion-time") return piece_source::ingestion_time;
  if (name == "aws.events.event") return piece_source::envelope;
  if (name == "aws.events.event.json") return piece_source::event_json;
  return std::nullopt;
}

class template_compiler {
 public:
  template_compiler(const input_transformer& from, std::string_view target_id, const transformer_options& options,
                    transformer_program& out)
      : from_(from), text_(from.input_template), target_id_(target_id), options_(options), out_(out) {}

  result<void> compile() {
    const std::size_t first = text_.find_first_not_of(" \t\r\n");
    if (first == std::string_view::npos) return invalid("a template has at least one character", 0);
    kind_ = text_[first] == '{' ? template_kind::object : text_[first] == '"' ? template_kind::text : template_kind::json;
    placeholders_ = find_placeholders(text_);
    if (auto valid = variables(); !valid) return valid;
    for (const placeholder& p : placeholders_) {
      if (auto valid = check(p); !valid) return valid;
    }
    if (auto valid = kind_ == template_kind::text ? lines() : json(); !valid) return valid;
    out_.type = transformer_program::kind::pieces;
    cut();
    return {};
  }

 private:
  /// The paths of all variables are checked, also of those that the template does not use.
  result<void> variables() {
    if (from_.input_paths_map.size() > options_.max_variables) {
      return error{errc::limit_exceeded,
                   fmt::format("1 validation error detected: Value with {} entries at "
                               "'targets.1.member.inputTransformer.inputPathsMap' failed to satisfy constraint: Member must have "
                               "length less than or equal to {}",
                               from_.input_paths_map.size(), options_.max_variables)};
    }
    for (const auto& [name, path] : from_.input_paths_map) {
      if (auto valid = variable_name(name); !valid) return valid;
      if (auto valid = check_text_length(path, options_.max_path_characters, "inputTransformer.inputPathsMap"); !valid)
        return valid;
      auto steps = parse_path(path, options_);
      if (!steps) {
        error reason = std::move(steps).error();
        reason.message = fmt::format("'{}' of variable '{}': {}", path, name, reason.message);
        return invalid_path(reason, target_id_);
      }
      paths_.emplace(name, *std::move(steps));
    }
    return {};
  }

  static result<void> variable_name(std::string_view name) {
    const auto allowed = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || is_digit(c) || c == '-' || c == '_';
    };
    std::string_view broken;
    if (name.empty()) broken = "have length greater than or equal to 1";
    if (name.size() > 256) broken = "have length less than or equal to 256";
    if (!std::all_of(name.begin(), name.end(), allowed)) broken = R"(satisfy regular expression pattern: [A-Za-z0-9\_\-]+)";
    if (name.starts_with("AWS")) broken = "not start with AWS";
    if (broken.empty()) return {};
    return error{
        errc::invalid_argument,
        fmt::format("1 validation error detected: Value '{}' at 'targets.1.member.inputTransformer.inputPathsMap' failed "
                    "to satisfy constraint: Map keys must satisfy constraint: [Member must {}]",
                    name, broken)};
  }

  result<void> check(const placeholder& p) const {
    const auto source = reserved(p.name);
    if (!source) {
      if (paths_.contains(p.name)) return {};
      return error_at(errc::invalid_argument,
                      fmt::format("InputTemplate for target {} contains invalid placeholder {}.", target_id_, p.name), text_,
                      p.begin);
    }
    const bool is_document = *source == piece_source::envelope || *source == piece_source::event_json;
    if (!is_document || (kind_ == template_kind::object && !p.in_string)) return {};
    return error_at(
        errc::invalid_argument,
        fmt::format("InputTemplate for target {} contains placeholder {} valid only for JSON template.", target_id_, p.name),
        text_, p.begin);
  }

  error invalid(std::string_view why, std::size_t offset) const {
    error e = error_at(errc::invalid_argument, {}, text_, offset);
    e.message =
        fmt::format("Invalid InputTemplate for target {}. Reason: {} at line {}, column {}.", target_id_, why, e.line, e.column);
    return e;
  }

  result<void> refused(const error& reason, std::size_t behind) const {
    error e = invalid(reason.message, behind + reason.offset);
    if (reason.code == errc::limit_exceeded) e.code = errc::limit_exceeded;
    return e;
  }

  /// The template must be JSON when each placeholder outside strings stands for a value. A string of the same length takes its
  /// place, so that offsets stay.
  result<void> json() const {
    std::string stand_in(text_);
    for (const placeholder& p : placeholders_) {
      if (p.in_string) continue;
      std::fill(stand_in.begin() + static_cast<std::ptrdiff_t>(p.begin), stand_in.begin() + static_cast<std::ptrdiff_t>(p.end),
                '_');
      stand_in[p.begin] = stand_in[p.end - 1] = '"';
    }
    json_reader reader(stand_in, options_.max_depth);
    auto next = placeholders_.begin();
    for (token t = reader.next(); t != token::end; t = reader.next()) {
      if (t == token::error) return refused(in_words_of_template(reader.failure()), 0);
      const auto first = next;
      while (next != placeholders_.end() && next->begin < reader.end_offset()) ++next;
      if (t == token::key && first != next) return invalid("a placeholder cannot be an object key", first->begin);
    }
    return {};
  }

  /// Where a placeholder is what is wrong, the reader names the quote that took the place of its <.
  error in_words_of_template(error e) const {
    for (const placeholder& p : placeholders_) {
      if (p.begin == e.offset && !p.in_string) e.message = "a placeholder cannot stand here";
    }
    return e;
  }

  /// The template must be quoted strings, each on a line of its own.
  result<void> lines() const {
    bool on_new_line = true;
    for (std::size_t at = 0; at < text_.size();) {
      if (is_json_space(text_[at])) {
        on_new_line = on_new_line || text_[at] == '\n';
        ++at;
        continue;
      }
      if (!on_new_line) return invalid("each quoted text stands on a line of its own", at);
      if (text_[at] != '"') return invalid("a line of text stands in quotes, with its placeholders", at);
      const std::size_t end = string_end(at);
      json_reader reader(text_.substr(at, end - at));
      if (reader.next() == token::error) return refused(reader.failure(), at);
      at = end;
      on_new_line = false;
    }
    return {};
  }

  std::size_t string_end(std::size_t begin) const {
    for (std::size_t at = begin + 1; at < text_.size(); ++at) {
      if (text_[at] == '\\') {
        ++at;
      } else if (text_[at] == '"') {
        return at + 1;
      }
    }
    return text_.size();
  }

  /// Cuts the template at its placeholders. JSON loses the white space between its tokens.
  void cut() {
    std::string literal;
    bool in_string = false;
    auto next = placeholders_.begin();
    for (std::size_t at = 0; at < text_.size(); ++at) {
      if (next != placeholders_.end() && next->begin == at) {
        out_.pieces.push_back(piece(*next, std::exchange(literal, {})));
        at = next->end - 1;
        ++next;
        continue;
      }
      const char c = text_[at];
      if (!in_string && kind_ != template_kind::text && is_json_space(c)) continue;
      literal += c;
      if (in_string && c == '\\') literal += text_[++at];  // there is one: the template was checked
      if (c == '"') in_string = !in_string;
    }
    out_.constant = std::move(literal);
    paths_in_.finish();
  }

  template_piece piece(const placeholder& p, std::string literal) {
    template_piece out{std::move(literal)};
    out.place = kind_ == template_kind::text ? piece_place::text : p.in_string ? piece_place::json_string : piece_place::value;
    if (const auto source = reserved(p.name)) {
      out.source = *source;
      if (out.source == piece_source::envelope) select_envelope();
      return out;
    }
    out.selector = selector_of(p.name);
    if (out.place == piece_place::json_string) {
      out.drop_reason = fmt::format(
          "<{0}> is an object or an array with quotes in it, and stands inside a string of the template of target {1}: that "
          "would "
          "not be valid JSON; write <{0}> without quotes around it",
          p.name, target_id_);
    }
    return out;
  }

  std::uint32_t selector_of(std::string_view variable) {
    const auto [at, is_new] = selectors_.try_emplace(variable, 0);
    if (is_new) at->second = paths_in_.add(paths_.find(variable)->second);
    return at->second;
  }

  void select_envelope() {
    if (has_envelope_) return;
    has_envelope_ = true;
    for (std::size_t i = 0; i < envelope_members.size(); ++i) {
      out_.envelope[i] = paths_in_.add({{path_step::kind::name, std::string(envelope_members[i].name)}});
    }
  }

  const input_transformer& from_;
  std::string_view text_;
  std::string_view target_id_;
  const transformer_options& options_;
  transformer_program& out_;
  program_paths paths_in_{out_};
  template_kind kind_ = template_kind::json;
  std::vector<placeholder> placeholders_;
  std::map<std::string, std::vector<path_step>, std::less<>> paths_;
  std::map<std::string_view, std::uint32_t> selectors_;
  bool has_envelope_ = false;
};

}  // namespace transformer_template

result<void> compile_template(const input_transformer& from, std::string_view target_id, const transformer_options& options,
                              transformer_program& out) {
  if (auto valid = check_text_length(from.input_template, options.max_template_characters, "inputTransformer.inputTemplate");
      !valid) {
    return valid;
  }
  return transformer_template::template_compiler(from, target_id, options, out).compile();
}

}  // namespace rulebus::inline v1::detail
