#include "rulebus/transformer.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <limits>
#include <span>
#include <utility>
#include <vector>

#include "rulebus/detail/json_minify.hpp"
#include "rulebus/detail/json_reader.hpp"
#include "rulebus/detail/json_text.hpp"
#include "rulebus/detail/json_write.hpp"
#include "rulebus/detail/transformer_program.hpp"
#include "rulebus/detail/transformer_walk.hpp"
#include "rulebus/event.hpp"

namespace rulebus::inline v1 {

namespace detail::transformer_source {

// ---- writing values

bool is_container(std::string_view json) noexcept { return json.front() == '{' || json.front() == '['; }

/// A value that was found, which has no white space around it.
void append_value(std::string& out, std::string_view json, string_quotes what) {
  if (is_container(json)) {
    append_minified(out, json, what);
  } else {
    out += json.front() == '"' && what == string_quotes::strip ? json.substr(1, json.size() - 2) : json;
  }
}

/// Text of the caller, which is not JSON yet.
void append_text(std::string& out, std::string_view text, piece_place place) {
  const std::size_t before = out.size();
  append_json_string(out, text);
  if (place == piece_place::value) return;
  out.erase(before, 1);
  out.pop_back();
}

/// What a path selects beyond its first wildcard, as a JSON array. Members are taken as they are written, also those with the
/// same key; a step by name takes the last of that key.
class list_writer {
 public:
  list_writer(std::string& out, string_quotes what, std::string& storage) : out_(out), quotes_(what), storage_(storage) {}

  bool write(std::string_view json, std::span<const path_step> steps) {
    out_ += '[';
    if (!select(json, steps)) return false;
    out_ += ']';
    return true;
  }

 private:
  bool select(std::string_view json, std::span<const path_step> steps) {
    if (steps.empty()) {
      if (!is_first_) out_ += ',';
      is_first_ = false;
      append_value(out_, json, quotes_);
      return true;
    }
    text_cursor cursor(json, std::numeric_limits<std::size_t>::max());
    const path_step& step = steps.front();
    const auto rest = steps.subspan(1);
    if (step.type == path_step::kind::every) return every(cursor, rest);
    const std::string_view found = step.type == path_step::kind::name ? member(cursor, step.name) : element(cursor, step.index);
    return found.empty() || select(found, rest);
  }

  // The value under the cursor, which is moved over it; empty when there is none.
  static std::string_view take(text_cursor& cursor) {
    const char* const begin = cursor.where();
    if (!cursor.skip_value() || cursor.where() == begin) return {};
    return value_text(begin, cursor);
  }

  bool every(text_cursor& cursor, std::span<const path_step> rest) {
    const auto one = [&](const auto&) {
      const std::string_view value = take(cursor);
      return !value.empty() && select(value, rest);
    };
    if (cursor.peek() == '{') return for_each_member(cursor, storage_, one);
    if (cursor.peek() == '[') return for_each_element(cursor, one);
    return true;
  }

  std::string_view member(text_cursor& cursor, std::string_view name) {
    std::string_view found;
    if (cursor.peek() != '{') return found;
    const bool valid = for_each_member(cursor, storage_, [&](std::string_view key) {
      const bool is_it = key == name;
      const std::string_view value = take(cursor);
      if (is_it) found = value;
      return !value.empty();
    });
    return valid ? found : std::string_view();
  }

  static std::string_view element(text_cursor& cursor, std::size_t index) {
    std::string_view found;
    if (cursor.peek() != '[') return found;
    for_each_element(cursor, [&](std::size_t i) {
      const std::string_view value = take(cursor);
      if (i == index) found = value;
      return i != index && !value.empty();
    });
    return found;
  }

  std::string& out_;
  string_quotes quotes_;
  std::string& storage_;
  bool is_first_ = true;
};

// ---- one event

/// What a thread keeps between events, so that nothing is allocated for them.
struct scratch {
  std::vector<std::string_view> found;
  std::string key;
};

scratch& thread_scratch() {
  thread_local scratch kept;
  return kept;
}

class event_writer {
 public:
  event_writer(const transformer_program& program, std::string_view event, const transform_context& context, std::string& out)
      : program_(program), event_(event), context_(context), out_(out), scratch_(thread_scratch()) {}

  result<transformed> run() {
    if (!program_.nodes.empty() && !walk()) return invalid_event();
    out_.clear();
    if (program_.type == transformer_program::kind::path) return path();
    for (const template_piece& p : program_.pieces) {
      out_ += p.literal;
      if (!write(p)) return transformed{{}, p.drop_reason};
    }
    out_ += program_.constant;
    return transformed{out_, {}};
  }

 private:
  static error invalid_event() { return {errc::invalid_event, "The event is not a valid JSON object"}; }

  bool walk() {
    scratch_.found.resize(program_.nodes.size());
    return transformer_walk(program_.nodes, scratch_.found, scratch_.key).run(event_);
  }

  std::string_view found(const selector& s) const { return scratch_.found[s.node]; }

  result<transformed> path() {
    const selector& s = program_.selectors.front();
    if (found(s).empty()) return transformed{{}, program_.constant};
    value(s, string_quotes::keep);
    return transformed{out_, {}};
  }

  void value(const selector& s, string_quotes what) {
    if (s.rest.empty()) return append_value(out_, found(s), what);
    list_writer(out_, what, scratch_.key).write(found(s), s.rest);
  }

  /// False: what the event has cannot stand there.
  bool write(const template_piece& p) {
    switch (p.source) {
      case piece_source::path: return write(program_.selectors[p.selector], p.place);
      case piece_source::rule_name: append_text(out_, context_.rule_name, p.place); break;
      case piece_source::rule_arn: append_text(out_, context_.rule_arn, p.place); break;
      case piece_source::ingestion_time: append_text(out_, context_.ingestion_time, p.place); break;
      case piece_source::envelope: envelope(); break;
      case piece_source::event_json: append_minified(out_, event_); break;
    }
    return true;
  }

  bool write(const selector& s, piece_place place) {
    const std::string_view json = found(s);
    if (json.empty()) {
      if (place == piece_place::value) out_ += "\"\"";
      return true;
    }
    if (s.rest.empty() && !is_container(json)) {
      append_value(out_, json, place == piece_place::value ? string_quotes::keep : string_quotes::strip);
      return true;
    }
    const std::size_t before = out_.size();
    value(s, place == piece_place::text ? string_quotes::strip : string_quotes::keep);
    return place != piece_place::json_string || out_.find('"', before) == std::string::npos;
  }

  void envelope() {
    char separator = '{';
    for (std::size_t i = 0; i < envelope_members.size(); ++i) {
      const std::string_view json = found(program_.selectors[program_.envelope[i]]);
      if (json.empty()) continue;
      out_ += separator;
      out_ += '"';
      out_ += envelope_members[i].written;
      out_ += "\":";
      append_value(out_, json, string_quotes::keep);
      separator = ',';
    }
    if (separator == '{') out_ += separator;
    out_ += '}';
  }

  const transformer_program& program_;
  std::string_view event_;
  const transform_context& context_;
  std::string& out_;
  scratch& scratch_;
};

// ---- one target

result<void> check_constant(std::string_view json, std::string_view target_id, const transformer_options& options) {
  if (auto valid = check_text_length(json, options.max_input_characters, "input"); !valid) return valid;
  json_reader reader(json, options.max_depth);
  token t = reader.next();
  while (t != token::end && t != token::error) t = reader.next();
  if (t == token::end) return {};
  error e = reader.failure();
  e.message = fmt::format("JSON syntax error in input for target {}. Reason: {}.", target_id, e.message);
  return e;
}

result<void> compile_path(std::string_view path, std::string_view target_id, const transformer_options& options,
                          transformer_program& out) {
  if (auto valid = check_text_length(path, options.max_path_characters, "inputPath"); !valid) return valid;
  const auto steps = parse_path(path, options);
  if (!steps) return invalid_path(steps.error(), target_id);
  program_paths paths(out);
  paths.add(*steps);
  paths.finish();
  out.type = transformer_program::kind::path;
  out.constant = fmt::format("the event has nothing at {}, the InputPath of target {}", path, target_id);
  return {};
}

result<void> compile(const target_input& from, std::string_view target_id, const transformer_options& options,
                     transformer_program& out) {
  if (from.input_path) return compile_path(*from.input_path, target_id, options, out);
  if (from.input_transformer) return compile_template(*from.input_transformer, target_id, options, out);
  out.constant = *from.input;
  return check_constant(out.constant, target_id, options);
}

}  // namespace detail::transformer_source

transformer::transformer() = default;

result<transformer> transformer::parse(const target_input& from, std::string_view target_id, const transformer_options& options) {
  const int given = (from.input ? 1 : 0) + (from.input_path ? 1 : 0) + (from.input_transformer ? 1 : 0);
  if (given == 0) return transformer();
  if (given > 1) {
    return error{errc::invalid_argument,
                 fmt::format("Only one of Input, InputPath, or InputTransformer must be provided for target {}.", target_id)};
  }
  auto program = std::make_shared<detail::transformer_program>();
  if (const auto valid = detail::transformer_source::compile(from, target_id, options, *program); !valid) return valid.error();
  return transformer(std::shared_ptr<const detail::transformer_program>(std::move(program)));
}

result<transformed> transformer::transform(std::string_view event_json, const transform_context& context,
                                           std::string& buffer) const {
  if (program_ == nullptr) return transformed{event_json, {}};
  if (program_->type == detail::transformer_program::kind::constant) return transformed{program_->constant, {}};
  return detail::transformer_source::event_writer(*program_, event_json, context, buffer).run();
}

result<transform_answer> transform(const target_input& from, std::string_view event_json, const transform_context& context,
                                   std::string_view target_id, const transformer_options& options) {
  const auto compiled = transformer::parse(from, target_id, options);
  if (!compiled) return compiled.error();
  if (const auto valid = detail::check_json_object(event_json, event_options().max_depth); !valid) return valid.error();
  std::string buffer;
  const auto made = compiled->transform(event_json, context, buffer);
  if (!made) return made.error();
  if (made->dropped()) return transform_answer{std::nullopt, std::string(made->reason)};
  return transform_answer{std::string(made->input), {}};
}

}  // namespace rulebus::inline v1
