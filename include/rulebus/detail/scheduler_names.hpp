// scheduler_names: the words that a scheduler's saved state uses for the values of its enumerations.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

#include "rulebus/schedule.hpp"

namespace rulebus::inline v1::detail {

/// In the order of the enumeration, for each of them.
template <class E>
inline constexpr std::array<std::string_view, 0> enum_words{};
template <>
inline constexpr std::array<std::string_view, 2> enum_words<schedule_state>{"ENABLED", "DISABLED"};
template <>
inline constexpr std::array<std::string_view, 2> enum_words<completion>{"NONE", "DELETE"};
template <>
inline constexpr std::array<std::string_view, 4> enum_words<rulebus::overlap>{"allow_all", "skip", "buffer_one", "buffer_all"};
template <>
inline constexpr std::array<std::string_view, 3> enum_words<rulebus::catch_up>{"fire_once", "fire_all", "skip"};
template <>
inline constexpr std::array<std::string_view, 2> enum_words<dispatch>{"caller", "executor"};
template <>
inline constexpr std::array<std::string_view, 3> enum_words<overflow>{"block", "reject", "drop_oldest"};

template <class E>
constexpr std::string_view word_of(E value) noexcept {
  return enum_words<E>[static_cast<std::size_t>(value)];
}
template <class E>
constexpr std::optional<E> from_word(std::string_view word) noexcept {
  for (std::size_t i = 0; i < enum_words<E>.size(); ++i) {
    if (enum_words<E>[i] == word) return static_cast<E>(i);
  }
  return std::nullopt;
}

}  // namespace rulebus::inline v1::detail
