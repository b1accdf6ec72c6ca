#!/usr/bin/env bash
# run.sh <kind>: configures, builds and runs a small program that uses Rulebus in one of the ways that users have.
# Environment: CMAKE, CXX, RULEBUS (source directory), RULEBUS_BUILD (build directory), WORK (where to build; kept, so that
# a second run only builds what changed).
set -euo pipefail
kind=$1
here=$RULEBUS/tests/consumers
prefix=$WORK/prefix
# Each library whole, and not optimised: what is tried here is that it builds and links.
as_one_unit=(-DCMAKE_UNITY_BUILD=ON -DCMAKE_UNITY_BUILD_BATCH_SIZE=0)

# project <source> <build> [options]: a CMake project and its two programs (or one)
project() {
  local source=$1 build=$2 program
  shift 2
  "$CMAKE" -S "$source" -B "$build" -G Ninja -DCMAKE_CXX_COMPILER="$CXX" -DRULEBUS="$RULEBUS" "$@"
  "$CMAKE" --build "$build"
  for program in bus matcher; do
    if [ -x "$build/$program" ]; then "$build/$program"; fi
  done
}

# compile <pkg-config name> <program> [further flags of pkg-config]
compile() {
  local flags
  flags=$(PKG_CONFIG_PATH=$libdir/pkgconfig pkg-config --cflags --libs "${@:3}" "$1")
  echo "flags of $1 ${*:3}: $flags"
  # shellcheck disable=SC2086
  "$CXX" -std=c++20 "$here/$2.cpp" -o "$WORK/pkg_config_$2" $flags
  LD_LIBRARY_PATH=$libdir "$WORK/pkg_config_$2"
}

# installed <prefix>: both ways to find an installed Rulebus
installed() {
  local libdir
  libdir=$(dirname "$(dirname "$(find "$1" -name rulebus.pc)")")
  case $kind in
    find_package) project "$here/find_package" "$WORK/find_package" -DCMAKE_PREFIX_PATH="$1" ;;
    *)
      compile rulebus bus
      compile rulebus-core matcher
      ;;
  esac
}

mkdir -p "$WORK"
case $kind in
  install)
    rm -rf "$prefix"
    "$CMAKE" --install "$RULEBUS_BUILD" --prefix "$prefix" >/dev/null
    test -e "$prefix/include/rulebus/rulebus.hpp"
    if [ -x "$RULEBUS_BUILD/rulebus" ]; then "$prefix/bin/rulebus" --version; fi
    ;;
  find_package | pkg_config) installed "$prefix" ;;
  unity) project "$here/unity" "$WORK/unity" ;;
  shared)
    # The libraries export all that a program needs, and the installed files say how to use them.
    project "$here/add_subdirectory" "$WORK/shared" "${as_one_unit[@]}" -DBUILD_SHARED_LIBS=ON -DRULEBUS_INSTALL=ON
    rm -rf "$WORK/shared_prefix"
    "$CMAKE" --install "$WORK/shared" --prefix "$WORK/shared_prefix" >/dev/null
    installed "$WORK/shared_prefix"
    WORK=$WORK/shared_users kind=find_package
    installed "${WORK%/shared_users}/shared_prefix"
    ;;
  *)
    echo "run.sh: no kind '$kind'" >&2
    exit 2
    ;;
esac
