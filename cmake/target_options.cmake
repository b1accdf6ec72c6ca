# rulebus_target_options(target): what every target of this project is compiled with. PRIVATE throughout, so that users of
# the libraries inherit none of it; no global flag is touched.
function(rulebus_target_options target)
  set_target_properties(${target} PROPERTIES CXX_EXTENSIONS OFF CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
  if(MSVC)
    target_compile_options(${target} PRIVATE /W4 /utf-8 $<$<BOOL:${RULEBUS_WERROR}>:/WX>)
    return()
  endif()
  target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wconversion -Wsign-conversion
                                           $<$<BOOL:${RULEBUS_WERROR}>:-Werror>)
  if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU" AND CMAKE_CXX_COMPILER_VERSION VERSION_LESS 13)
    target_compile_options(${target} PRIVATE -Wno-restrict)  # wrong about std::string: gcc.gnu.org/PR105651
  endif()
  set(instrument "")
  if(RULEBUS_SANITIZE)
    list(JOIN RULEBUS_SANITIZE "," joined)
    list(APPEND instrument -fsanitize=${joined} -fno-sanitize-recover=all -fno-omit-frame-pointer)
    if(CMAKE_CXX_COMPILER_ID STREQUAL "GNU")
      # The instrumentation confuses this warning (GCC's manual, "Instrumentation Options"); the plain builds have it.
      target_compile_options(${target} PRIVATE -Wno-maybe-uninitialized)
      if("thread" IN_LIST RULEBUS_SANITIZE)
        target_compile_options(${target} PRIVATE -Wno-tsan)  # about fences in Boost.Asio
      endif()
    endif()
  endif()
  if(RULEBUS_BUILD_FUZZERS)
    list(APPEND instrument -fsanitize=fuzzer-no-link)
  endif()
  target_compile_options(${target} PRIVATE ${instrument})
  target_link_options(${target} PRIVATE ${instrument})
endfunction()
