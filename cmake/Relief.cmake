# How every part of the tree is built: flags, libraries of the system, and one line per module, program or test.
include(GNUInstallDirs)
find_package(PkgConfig REQUIRED)
find_package(Threads REQUIRED)
pkg_check_modules(MSGPACK REQUIRED IMPORTED_TARGET msgpack)
pkg_check_modules(LMDB REQUIRED IMPORTED_TARGET lmdb)
pkg_check_modules(EVENT REQUIRED IMPORTED_TARGET libevent_core)
pkg_check_modules(SODIUM REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(CRYPTO REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(TLS REQUIRED IMPORTED_TARGET libssl)
pkg_check_modules(SECCOMP REQUIRED IMPORTED_TARGET libseccomp)
pkg_check_modules(JANSSON REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(INIH REQUIRED IMPORTED_TARGET inih)
pkg_check_modules(UTF8PROC REQUIRED IMPORTED_TARGET libutf8proc)

# Asserts guard our own promises in every build, so no -DNDEBUG.
set(CMAKE_C_FLAGS_RELEASE "-O2 -g1")
set(CMAKE_C_STANDARD 17)
set(CMAKE_C_STANDARD_REQUIRED ON)
set(CMAKE_C_EXTENSIONS OFF)
set(CMAKE_POSITION_INDEPENDENT_CODE ON)
set(CMAKE_RUNTIME_OUTPUT_DIRECTORY ${CMAKE_BINARY_DIR}/bin)
set(CMAKE_EXPORT_COMPILE_COMMANDS ON)
# -ffp-contract=off: travel estimates must be the same on every machine (DESIGN 3), so no fused multiply-add.
add_compile_options(-Wall -Wextra -Wpedantic -Werror -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wvla
                    -Wimplicit-fallthrough -Wundef -Wformat=2 -ffp-contract=off -fno-strict-aliasing -fstack-protector-strong)
add_compile_definitions(_GNU_SOURCE RELIEF_VERSION="${PROJECT_VERSION}")
if(RELIEF_SANITIZE)
  add_compile_options(-fsanitize=${RELIEF_SANITIZE} -fno-omit-frame-pointer -fno-sanitize-recover=all -g)
  add_link_options(-fsanitize=${RELIEF_SANITIZE})
endif()
if(RELIEF_FUZZ)
  # Everything is instrumented, so that libFuzzer sees which way the code under test went; only fuzz_* get its main.
  add_compile_options(-fsanitize=fuzzer-no-link -g)
  add_link_options(-fsanitize=fuzzer-no-link)
endif()
if(RELIEF_COVERAGE)
  # atomic: threads count into the same counters.
  add_compile_options(--coverage -O0 -g -fprofile-update=atomic)
  add_link_options(--coverage)
endif()

# What is built for use is hardened; debug, sanitizer, fuzz and coverage builds are for looking inside. Each flag is tried first, since
# compilers differ: clang 14 does not clear automatic variables, gcc before 13 has no strict flexible arrays, and each kind of processor
# has a branch protection of its own. tests/integration/test_hardening.py looks at what came of it.
#
# All of it costs 3.2 % of the instructions of a command (test_sim --rate, gcc 12), 1.1 % of that for clearing automatic variables.
# Left out: -fzero-call-used-regs=used-gpr, which alone costs 6.2 %; -z nodlopen, for librelief is loaded by name from other languages;
# -Wstack-usage=4096, as the buffers for paths are as long as paths may be (PATH_MAX) and lie on stacks of megabytes.
include(CheckCCompilerFlag)
include(CheckLinkerFlag)
include(CheckPIESupported)
check_pie_supported(LANGUAGES C)
function(relief_harden_compiler)
  set(CMAKE_REQUIRED_FLAGS -Werror)
  foreach(flag ${ARGN})
    string(MAKE_C_IDENTIFIER "RELIEF_C${flag}" known)
    check_c_compiler_flag(${flag} ${known})
    if(${known})
      add_compile_options(${flag})
    endif()
  endforeach()
endfunction()
function(relief_harden_linker)
  foreach(flag ${ARGN})
    string(MAKE_C_IDENTIFIER "RELIEF_L${flag}" known)
    check_linker_flag(C ${flag} ${known})
    if(${known})
      add_link_options(${flag})
    endif()
  endforeach()
endfunction()
if(CMAKE_BUILD_TYPE MATCHES "Rel" AND NOT RELIEF_SANITIZE AND NOT RELIEF_FUZZ AND NOT RELIEF_COVERAGE)
  set(RELIEF_HARDENED ON)
  # Level 3 of the checked functions; a distribution may have set one already.
  add_compile_options(-U_FORTIFY_SOURCE -D_FORTIFY_SOURCE=3)
  relief_harden_compiler(-fstack-clash-protection -fcf-protection=full -mbranch-protection=standard -ftrivial-auto-var-init=zero
                         -fno-delete-null-pointer-checks -fno-strict-overflow -fstrict-flex-arrays=3
                         -Wtrampolines -Wbidi-chars=any -Wconversion -Wsign-conversion)
  relief_harden_linker(-Wl,-z,relro -Wl,-z,now -Wl,-z,noexecstack -Wl,-z,separate-code)
endif()

# relief_module(NAME dep...): a static library relief_NAME of all *.c files of the current folder; deps are modules or imported targets.
function(relief_module name)
  file(GLOB sources CONFIGURE_DEPENDS ${CMAKE_CURRENT_SOURCE_DIR}/*.c)
  if(NOT sources)
    return()
  endif()
  add_library(relief_${name} STATIC ${sources})
  target_include_directories(relief_${name} PUBLIC ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/daemon)
  foreach(dep ${ARGN})
    if(TARGET relief_${dep})
      target_link_libraries(relief_${name} PUBLIC relief_${dep})
    else()
      target_link_libraries(relief_${name} PUBLIC ${dep})
    endif()
  endforeach()
endfunction()

# relief_test(NAME LABEL label... SOURCES file... LIBS module... [ARGS word...] [TIMEOUT s]): one cmocka program, one ctest entry.
# tests/README.md says what the labels mean.
function(relief_test name)
  cmake_parse_arguments(T "" "TIMEOUT" "LABEL;SOURCES;LIBS;ARGS" ${ARGN})
  add_executable(${name} ${T_SOURCES})
  target_include_directories(${name} PRIVATE ${PROJECT_SOURCE_DIR} ${PROJECT_SOURCE_DIR}/daemon)
  target_link_libraries(${name} PRIVATE ${T_LIBS} cmocka)
  target_compile_options(${name} PRIVATE -UNDEBUG)
  add_test(NAME ${name} COMMAND ${name} ${T_ARGS})
  if(NOT T_TIMEOUT)
    set(T_TIMEOUT 120)
    if(RELIEF_SANITIZE)
      set(T_TIMEOUT 600) # the thread sanitizer makes some of them twenty times slower
    endif()
  endif()
  set_tests_properties(${name} PROPERTIES LABELS "${T_LABEL}" TIMEOUT ${T_TIMEOUT})
endfunction()
