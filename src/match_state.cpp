#include "rulebus/detail/match_state.hpp"

#include <algorithm>

#include "rulebus/detail/json_text.hpp"

namespace rulebus::inline v1::detail {

void match_state::fit(const snapshot& version) {
  // Some room to spare, so that adding rules one at a time does not allocate each time.
  const auto grow = [](auto& table, std::uint32_t limit) {
    if (table.size() < limit) table.resize(limit + limit / 2);
  };
  grow(paths_, version.path_limit);
  grow(searched_, version.path_limit);
  grow(rule_marks_, version.slot_limit);
  constexpr std::uint64_t many_rules = 1000;
  has_many_rules_ = version.rules >= many_rules;
}

void match_state::begin(std::string_view event, std::size_t max_array_steps) {
  if (++event_ == 0) {  // after 2^32 events the numbers start again
    std::fill(paths_.begin(), paths_.end(), path_state{});
    std::fill(searched_.begin(), searched_.end(), searched{});
    std::fill(rule_marks_.begin(), rule_marks_.end(), 0);
    event_ = 1;
  }
  answers_.begin_event();
  leaves_.clear();
  hits_.clear();
  candidates_.clear();
  asked_for_.clear();
  awaited_ = {};
  matches_.clear();
  elements_.assign(1, {});
  arrays_ = 0;
  array_steps_ = max_array_steps;
  decoded_size_ = 0;
  event_size_ = event.size();
  last_word_ = event.size() < sizeof(std::uint64_t) ? nullptr : event.data() + event.size() - sizeof(std::uint64_t);
}

bool match_state::decode(std::string_view& text) {
  const std::size_t room = event_size_ + sizeof(std::uint64_t);  // whoever reads a word at any place of it stays within
  if (decoded_size_ == 0 && decoded_.size() < room) decoded_.resize(room);
  char* const to = decoded_.data() + decoded_size_;
  const char* const end = decode_string(text, to);
  if (end == nullptr) return false;
  text = {to, static_cast<std::size_t>(end - to)};
  decoded_size_ += text.size();
  return true;
}

void match_state::leaf(const path_node& node, const detail::leaf& value, std::uint32_t element) {
  const bool is_kept = node.keeps_leaves();
  if (!is_kept && node.kinds == bit_of(key_kind::lazy)) return scan(node, value);
  const auto number = static_cast<std::uint32_t>(leaves_.size());
  if (is_kept) keep(node, value, element);
  probe(node, value, number);
}

inline void match_state::keep(const path_node& node, const detail::leaf& value, std::uint32_t element) {
  const auto number = static_cast<std::uint32_t>(leaves_.size());
  leaves_.push_back({value, element, none});
  path_state& path = paths_[node.path_id];
  if (path.event != event_) {
    path = {event_, number, number, false, false};
  } else {
    leaves_[path.last].next = number;
    path.last = number;
  }
  (element != 0 ? path.in_array : path.outside) = true;
}

// ---- looking a leaf up

void match_state::probe(const path_node& node, const detail::leaf& value, std::uint32_t number) {
  if (node.any_leaf != nullptr) found(node.any_leaf, number);
  if (value.type == leaf_type::string) {
    probe_string(node, value.text, number);
  } else if (value.type == leaf_type::number) {
    probe_number(node, value.text, number);
  } else if (node.kinds & bit_of(key_kind::literal)) {
    found(find_entry(node, key_kind::literal, literal_key(value.type)), number);
  }
  if (!node.scans.empty()) scan(node, value);
}

void match_state::probe_string(const path_node& node, std::string_view text, std::uint32_t number) {
  constexpr std::uint32_t caseless = bit_of(key_kind::lower) | bit_of(key_kind::lower_prefix) | bit_of(key_kind::lower_suffix) |
                                     bit_of(key_kind::folded) | bit_of(key_kind::folded_prefix) | bit_of(key_kind::folded_suffix);
  constexpr std::uint32_t ends = bit_of(key_kind::prefix) | bit_of(key_kind::suffix);
  constexpr std::uint32_t addresses = bit_of(key_kind::ip) | bit_of(key_kind::network);
  if (node.kinds & bit_of(key_kind::string)) found(find_entry(node, key_kind::string, text), number);
  if (node.kinds & ends) probe_ends(node, text, key_kind::prefix, key_kind::suffix, number);
  if (node.kinds & caseless) probe_caseless(node, text, number);
  if (node.kinds & addresses) probe_address(node, text, number);
  if (!node.infixes.empty()) probe_infixes(node, text, number);
}

void match_state::probe_number(const path_node& node, std::string_view text, std::uint32_t number) {
  const bool may_be_equal = node.heads.may_have(text), has_ranges = !node.ranges.empty();
  if (may_be_equal || has_ranges) {
    const std::optional<decimal> d = normal_form(text);
    if (d && may_be_equal && (node.number_bits & number_key::bit(d->digits)) != 0) {
      found(find_entry_inline(node, key_kind::number, number_key(*d).view()), number);
    }
    if (d && has_ranges) probe_ranges(node, *d, number);
  }
  if (node.kinds & bit_of(key_kind::number_text)) found(find_entry(node, key_kind::number_text, text), number);
}

/// Looks up the beginnings and the ends of map(text), of each length that there is.
template <class Map>
void match_state::probe_ends(const path_node& node, std::string_view text, key_kind beginning, key_kind end, std::uint32_t number,
                             Map map) {
  for (std::uint32_t i = 0; node.lengths != nullptr && i < node.lengths->size; ++i) {
    const length_list::item& item = node.lengths->items()[i];
    if (item.length > text.size()) continue;
    if (item.kind == beginning) found(find_entry(node, beginning, text.substr(0, item.length), map), number);
    if (item.kind == end) found(find_entry(node, end, text.substr(text.size() - item.length), map), number);
  }
}

void match_state::probe_caseless(const path_node& node, std::string_view text, std::uint32_t number) {
  constexpr std::uint32_t lower = bit_of(key_kind::lower) | bit_of(key_kind::lower_prefix) | bit_of(key_kind::lower_suffix);
  constexpr std::uint32_t folded = bit_of(key_kind::folded) | bit_of(key_kind::folded_prefix) | bit_of(key_kind::folded_suffix);
  if (node.kinds & lower) probe_lower(node, text, number);
  if (node.kinds & folded) probe_folded(node, text, number);
}

void match_state::probe_lower(const path_node& node, std::string_view text, std::uint32_t number) {
  constexpr auto to_lower = [](std::uint64_t bytes) { return to_lower_ascii(bytes); };
  if (node.kinds & bit_of(key_kind::lower)) found(find_entry(node, key_kind::lower, text, to_lower), number);
  if (node.kinds & (bit_of(key_kind::lower_prefix) | bit_of(key_kind::lower_suffix))) {
    probe_ends(node, text, key_kind::lower_prefix, key_kind::lower_suffix, number, to_lower);
  }
}

void match_state::probe_folded(const path_node& node, std::string_view text, std::uint32_t number) {
  folded_.clear();
  append_folded(text, folded_);
  if (node.kinds & bit_of(key_kind::folded)) found(find_entry(node, key_kind::folded, folded_), number);
  probe_ends(node, folded_, key_kind::folded_prefix, key_kind::folded_suffix, number);
}

void match_state::probe_address(const path_node& node, std::string_view text, std::uint32_t number) {
  const auto address = parse_ip(text);
  if (!address) return;
  if (node.kinds & bit_of(key_kind::ip)) found(find_entry(node, key_kind::ip, address_key(*address).view()), number);
  for (std::uint32_t i = 0; node.lengths != nullptr && i < node.lengths->size; ++i) {
    const length_list::item& item = node.lengths->items()[i];
    if (item.kind != key_kind::network || item.length / 256 != address->size) continue;
    const unsigned bits = item.length % 256;
    found(find_entry(node, key_kind::network, address_key(masked(*address, bits), bits).view()), number);
  }
}

// ---- checking candidates

bool match_state::match_candidates(const snapshot& version) {
  look_up_hits_ = static_cast<std::ptrdiff_t>(hits_.size());
  ask_for_awaited();
  for (const compiled_rule* rule : asked_for_) add_candidate(*rule);
  version.always.for_each([this](const compiled_rule& rule) { add_candidate(rule); });
  for (const compiled_rule* rule : candidates_) {
    if (holds(*rule)) matches_.push_back(rule->id);
    if (array_steps_ == 0) return false;
  }
  return true;
}

void match_state::ask_for_awaited() {
  awaited_.for_each([this](const compiled_rule& rule) {
    __builtin_prefetch(&rule);
    __builtin_prefetch(reinterpret_cast<const char*>(&rule) + 64);
    asked_for_.push_back(&rule);
  });
  awaited_ = {};
}

bool match_state::holds(const compiled_rule& rule) {
  fields_in_arrays_ = 0;
  must_agree_ = false;
  const rule_form& form = *rule.form;
  group_place root{form.shape(), form.fields()};
  if (root.shape[1] != 0) {
    if (!group_holds(rule, root)) return false;
  } else {  // no choices: as nearly always
    for (std::uint32_t i = 0; i < form.count.fields; ++i) {
      if (!field_holds(rule, root.fields[i])) return false;
    }
  }
  return (fields_in_arrays_ < 2 && !must_agree_) || positions_agree(rule);
}

/// Whether each field holds by itself; moves `at` behind the group either way.
bool match_state::group_holds(const compiled_rule& rule, group_place& at) {
  const std::uint32_t fields = at.shape[0], choices = at.shape[1];
  const group_place behind{at.shape + at.shape[2], at.fields + at.shape[3]};
  bool all = true;
  for (std::uint32_t i = 0; all && i < fields; ++i) all = field_holds(rule, at.fields[i]);
  at = {at.shape + 4, at.fields + fields};
  for (std::uint32_t i = 0; all && i < choices; ++i) {
    bool any = false;
    // All branches are looked at: array consistency may rule out the first that holds.
    for (std::uint32_t branches = *at.shape++; branches > 0; --branches) any |= group_holds(rule, at);
    all = any;
  }
  at = behind;
  return all;
}

const match_state::path_state* match_state::leaves_at(const compiled_field& f) const noexcept {
  const path_state& path = paths_[f.path_id];
  return path.event == event_ ? &path : nullptr;
}

inline bool match_state::field_holds(const compiled_rule& rule, const compiled_field& f) {
  const path_state* path = leaves_at(f);
  if (path == nullptr) return f.or_absent != 0;
  if (path->in_array) ++fields_in_arrays_;
  const compiled_condition* const first = rule.conditions() + f.first_condition;
  if (f.answered != 0 && is_answered(first, first + f.answered, *path)) return true;
  for (const compiled_condition *c = first + f.answered, *end = first + f.condition_count; c != end; ++c) {
    if (lazy_holds(*c->lazy, *path)) return true;
  }
  // There are leaves, but perhaps none in the array elements that the fields before are in.
  if (f.or_absent == 0 || path->outside) return false;
  return must_agree_ = true;
}

/// Whether look-ups answered one of these conditions of a field. Of a long list of values few are found: then those are looked
/// for in the list, rather than the list gone through.
inline bool match_state::is_answered(const compiled_condition* first, const compiled_condition* end,
                                     const path_state& path) const {
  constexpr std::ptrdiff_t short_list = 8;
  if (end - first > short_list) return is_any_found(first, end, path);
  for (; first != end; ++first) {
    if (answers_.find(first->entry.id) != nullptr) return true;
  }
  return false;
}

bool match_state::is_any_found(const compiled_condition* first, const compiled_condition* end, const path_state& path) const {
  const auto before = [](const compiled_condition& c, std::uint32_t id) { return c.entry.id < id; };
  const auto of_leaf = [](const hit& h, std::uint32_t leaf) { return h.leaf < leaf; };
  for (std::uint32_t leaf = path.first; leaf != none; leaf = leaves_[leaf].next) {
    const auto end_of_hits = hits_.begin() + look_up_hits_;
    for (auto h = std::lower_bound(hits_.begin(), end_of_hits, leaf, of_leaf); h != end_of_hits && h->leaf == leaf; ++h) {
      const compiled_condition* found = std::lower_bound(first, end, h->condition, before);
      if (found != end && found->entry.id == h->condition) return true;
    }
  }
  return false;
}

/// Whether a leaf passes a condition that no entry has answered; evaluated when first asked for.
inline bool match_state::lazy_holds(const lazy_condition& c, const path_state& path) {
  const condition_answer* const a = answers_.find(c.id);
  return a != nullptr ? a->first_hit != none : evaluate(c, path);
}

bool match_state::evaluate(const lazy_condition& c, const path_state& path) {
  condition_answer& a = answers_.at(c.id);
  a.first_hit = none;
  for (std::uint32_t i = path.first; i != none && a.first_hit == none; i = leaves_[i].next) {
    if (leaf_passes(c, leaves_[i].value)) a.first_hit = some;
  }
  return a.first_hit != none;
}

/// Finds all leaves that pass such a condition, when at least one does.
void match_state::list_hits(const path_state& path, const lazy_condition& c) {
  condition_answer& a = answers_.at(c.id);
  if (a.first_hit != some) return;
  a.first_hit = none;
  for (std::uint32_t i = path.first; i != none; i = leaves_[i].next) {
    if (leaf_passes(c, leaves_[i].value)) add_hit(i, c.id, a);
  }
}

// ---- array consistency

/// Tries the combinations of branches until one has leaves that agree on array positions.
bool match_state::positions_agree(const compiled_rule& rule) {
  picked_.clear();
  open_choices_.clear();
  pick_group({rule.form->shape(), rule.form->fields()});
  return pick_branches(rule, 0);
}

void match_state::pick_group(group_place at) {
  const std::uint32_t fields = at.shape[0], choices = at.shape[1];
  for (std::uint32_t i = 0; i < fields; ++i) picked_.push_back(at.fields + i);
  at = {at.shape + 4, at.fields + fields};
  for (std::uint32_t i = 0; i < choices; ++i) {
    open_choices_.push_back(at);
    for (std::uint32_t branches = *at.shape++; branches > 0; --branches) {
      at = {at.shape + at.shape[2], at.fields + at.shape[3]};
    }
  }
}

bool match_state::pick_branches(const compiled_rule& rule, std::size_t choice) {
  if (choice == open_choices_.size()) return picked_agree(rule);
  const std::size_t picked = picked_.size(), open = open_choices_.size();
  group_place branch = open_choices_[choice];
  for (std::uint32_t branches = *branch.shape++; branches > 0; --branches) {
    group_place behind = branch;
    if (group_holds(rule, behind)) {
      pick_group(branch);
      if (pick_branches(rule, choice + 1)) return true;
      picked_.resize(picked);
      open_choices_.resize(open);
    }
    branch = behind;
  }
  return false;
}

bool match_state::picked_agree(const compiled_rule& rule) {
  in_path_order_ = picked_;
  std::sort(in_path_order_.begin(), in_path_order_.end(), [](const auto* a, const auto* b) { return a->order < b->order; });
  solver_.begin(elements_, arrays_);
  element_marks_.resize(std::max(element_marks_.size(), elements_.size()), 0);
  for (const compiled_field* f : in_path_order_) {
    solver_.add_field(f->or_absent != 0);
    const path_state* path = leaves_at(*f);
    if (path != nullptr) add_leaves(rule, *f, *path);
  }
  return solver_.solve(array_steps_);
}

/// Gives the solver the array elements that the leaves of a field are in, each once.
void match_state::add_leaves(const compiled_rule& rule, const compiled_field& f, const path_state& path) {
  const auto count_step = [this] { array_steps_ -= array_steps_ > 1 ? 1 : 0; };
  if (++element_mark_ == 0) std::fill(element_marks_.begin(), element_marks_.end(), 0), element_mark_ = 1;
  for (std::uint32_t i = 0; i < f.condition_count; ++i) {
    const compiled_condition& c = rule.conditions()[f.first_condition + i];
    const bool lazy = i >= f.answered;
    if (lazy && !lazy_holds(*c.lazy, path)) continue;
    if (lazy) list_hits(path, *c.lazy);
    const condition_answer* const a = answers_.find(lazy ? c.lazy->id : c.entry.id);
    if (a == nullptr) continue;
    for (std::uint32_t h = a->first_hit; h != none; h = hits_[h].next) {
      const std::uint32_t element = leaves_[hits_[h].leaf].element;
      count_step();
      if (element_marks_[element] == element_mark_) continue;
      element_marks_[element] = element_mark_;
      solver_.add_passing(element);
    }
  }
  if (f.or_absent == 0) return;
  for (std::uint32_t i = path.first; i != none; i = leaves_[i].next) {
    count_step();
    solver_.add_present(leaves_[i].element);
  }
}

}  // namespace rulebus::inline v1::detail
