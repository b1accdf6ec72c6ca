// Replaces the global operator new and delete, as [new.delete] allows; the array and nothrow forms call these. And, with the
// linker's --wrap=malloc and --wrap=free, the calls of malloc and free in what is linked statically, the library among it.
#include <malloc.h>

#include <cstddef>
#include <cstdlib>
#include <new>

#include "support/allocation_counter.hpp"

namespace {

std::size_t calls = 0, held = 0, bytes = 0, until_failure = 0;

/// Counts a call, and says whether it is to fail.
bool fails() noexcept {
  ++calls;
  return until_failure != 0 && --until_failure == 0;
}

void* counted(void* memory) noexcept {
  if (memory == nullptr) return nullptr;
  ++held;
  bytes += malloc_usable_size(memory);
  return memory;
}

void* or_throw(void* memory) {
  if (memory == nullptr) throw std::bad_alloc();
  return memory;
}

}  // namespace

extern "C" {
void* __real_malloc(std::size_t size);  // NOLINT: the linker's names
void __real_free(void* memory);         // NOLINT

void* __wrap_malloc(std::size_t size) { return fails() ? nullptr : counted(__real_malloc(size)); }  // NOLINT

void __wrap_free(void* memory) {  // NOLINT
  if (memory == nullptr) return;
  --held;
  bytes -= malloc_usable_size(memory);
  __real_free(memory);
}
}

namespace tests::allocations {

std::size_t made() noexcept { return calls; }
std::size_t live() noexcept { return held; }
std::size_t live_bytes() noexcept { return bytes; }
void fail_at(std::size_t n) noexcept { until_failure = n; }

}  // namespace tests::allocations

void* operator new(std::size_t size) { return or_throw(std::malloc(size == 0 ? 1 : size)); }

void* operator new(std::size_t size, std::align_val_t alignment) {
  const auto a = static_cast<std::size_t>(alignment);
  return or_throw(fails() ? nullptr : counted(std::aligned_alloc(a, (size + a - 1) / a * a)));
}

void operator delete(void* memory) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::align_val_t) noexcept { std::free(memory); }
void operator delete(void* memory, std::size_t, std::align_val_t) noexcept { std::free(memory); }
