#include "rulebus/detail/block_memory.hpp"

#if defined(__linux__)
#include <sys/mman.h>
#endif

namespace rulebus::inline v1::detail {

char* block_memory::new_chunk() {
  void* const memory = ::operator new (chunk_bytes, std::align_val_t{chunk_bytes});
#if defined(__linux__)
  madvise(memory, chunk_bytes, MADV_HUGEPAGE);  // where there are none it stays what it is
#endif
  return static_cast<char*>(memory);
}

void block_memory::delete_chunk(void* memory) noexcept { ::operator delete (memory, std::align_val_t{chunk_bytes}); }

}  // namespace rulebus::inline v1::detail
