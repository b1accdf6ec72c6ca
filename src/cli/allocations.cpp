#include "allocations.hpp"

#include <cstddef>
#include <cstdlib>
#include <new>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define RULEBUS_SANITIZED
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || __has_feature(memory_sanitizer)
#define RULEBUS_SANITIZED
#endif
#endif

namespace {

thread_local std::uint64_t allocations = 0;

}  // namespace

#ifdef RULEBUS_SANITIZED

// A sanitizer has operators of its own, which may not be replaced everywhere, and calls this function, when it is there,
// after each allocation.
extern "C" void __sanitizer_malloc_hook(const volatile void*, std::size_t);
extern "C" void __sanitizer_malloc_hook(const volatile void*, std::size_t) { ++allocations; }

#else

// Every form is replaced, not only those that the others call by default: all are counted, and each block is freed by what
// it came from.

namespace {

void* try_allocate(std::size_t bytes, std::size_t alignment) noexcept {
  const std::size_t size = bytes == 0 ? 1 : bytes;
  if (alignment == 0) return std::malloc(size);
  return std::aligned_alloc(alignment, (size + alignment - 1) / alignment * alignment);  // wants a multiple
}

void* counted(std::size_t bytes, std::size_t alignment) {
  ++allocations;
  for (;;) {
    if (void* p = try_allocate(bytes, alignment)) return p;
    const std::new_handler handler = std::get_new_handler();
    if (handler == nullptr) throw std::bad_alloc();
    handler();
  }
}

void* counted_or_null(std::size_t bytes, std::size_t alignment) noexcept {
  try {
    return counted(bytes, alignment);
  } catch (const std::bad_alloc&) {
    return nullptr;
  }
}

constexpr std::size_t number(std::align_val_t alignment) { return static_cast<std::size_t>(alignment); }

}  // namespace

void* operator new(std::size_t n) { return counted(n, 0); }
void* operator new[](std::size_t n) { return counted(n, 0); }
void* operator new(std::size_t n, const std::nothrow_t&) noexcept { return counted_or_null(n, 0); }
void* operator new[](std::size_t n, const std::nothrow_t&) noexcept { return counted_or_null(n, 0); }
void* operator new(std::size_t n, std::align_val_t a) { return counted(n, number(a)); }
void* operator new[](std::size_t n, std::align_val_t a) { return counted(n, number(a)); }
void* operator new(std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept { return counted_or_null(n, number(a)); }
void* operator new[](std::size_t n, std::align_val_t a, const std::nothrow_t&) noexcept { return counted_or_null(n, number(a)); }

void operator delete(void* p) noexcept { std::free(p); }
void operator delete[](void* p) noexcept { std::free(p); }
void operator delete(void* p, std::size_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t) noexcept { std::free(p); }
void operator delete(void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete[](void* p, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete[](void* p, std::size_t, std::align_val_t) noexcept { std::free(p); }
void operator delete(void* p, std::align_val_t, const std::nothrow_t&) noexcept { std::free(p); }
void operator delete[](void* p, std::align_val_t, const std::nothrow_t&) noexcept { std::free(p); }

#endif

namespace rulebus::cli {

std::uint64_t allocations_of_this_thread() noexcept { return allocations; }

}  // namespace rulebus::cli
