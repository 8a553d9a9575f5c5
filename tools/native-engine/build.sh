#!/bin/bash
# Builds the Tesseract library of this very distribution once more, for this very
# processor, and installs it into a private prefix: PREFIX/lib/libtesseract.so.5 with
# PREFIX/build.json beside it, which says what it was made of and what it needs.
#
#   tools/native-engine/build.sh PREFIX
#
# The source is the package's own, in the installed version, checked by apt's
# signatures; the machine's package lists and its configuration stay as they are. The
# folder WORK (default: a temporary one, removed afterwards) keeps source and objects.
set -euo pipefail
shopt -s nullglob

# first prints the first line of its input, and reads all of it: whoever writes must not die of a closed pipe.
first() { awk 'NR == 1'; }
say() { echo "native-engine: $*" >&2; }
die() { say "$*"; exit 1; }

[ $# = 1 ] || die "usage: $0 PREFIX"
umask 022 # plug-ins run as users of their own
prefix=$(realpath -m "$1")
work=${WORK:-$(mktemp -d)}
mkdir -p "$work"
work=$(cd "$work" && pwd)
[ -n "${WORK:-}" ] || trap 'rm -rf "$work"' EXIT
soname=libtesseract.so.5

for tool in apt-get dpkg-query dpkg-source autoreconf libtoolize pkg-config g++ gcc-ar objdump; do
  command -v "$tool" >/dev/null || die "$tool is missing; the packages are NATIVE_PACKAGES in the Makefile"
done

# What is installed, and the flags that its text depends on.
installed=$(ldconfig -p | awk -v s="$soname" '$1 == s { print $NF }' | first)
[ -n "$installed" ] || die "no $soname is installed: install libtesseract-dev"
package=$(dpkg-query -S "$(readlink -f "$installed")" | cut -d: -f1 | first)
read -r source version < <(dpkg-query -W -f='${source:Package} ${source:Version}\n' "$package")
say "source package $source $version"

fetch() {
  local parts=$work/apt/parts lists=$work/apt/lists f
  mkdir -p "$parts" "$lists/partial" "$work/src"
  for f in /etc/apt/sources.list.d/*.sources; do
    sed 's/^Types:.*/Types: deb-src/' "$f" > "$parts/${f##*/}"
  done
  for f in /etc/apt/sources.list /etc/apt/sources.list.d/*.list; do
    [ -f "$f" ] || continue
    sed -nE 's/^[[:space:]]*deb[[:space:]]/deb-src /p' "$f" > "$parts/$(basename "${f%.list}").list"
  done
  local own=(-qq -o Dir::Etc::sourcelist=/dev/null -o "Dir::Etc::sourceparts=$parts" -o "Dir::State::lists=$lists"
    -o Dir::Cache::pkgcache= -o Dir::Cache::srcpkgcache= -o APT::Sandbox::User=)
  # A source of packages that offers no sources is no reason to stop: what counts is the next line.
  apt-get "${own[@]}" update 2>"$work/apt/update.log" || true
  (cd "$work/src" && apt-get "${own[@]}" source --download-only --only-source "$source=$version") >"$work/apt/source.log" 2>&1 ||
    { cat "$work/apt/source.log" "$work/apt/update.log" >&2; die "apt has no source package $source $version"; }
}

descriptions=("$work"/src/"${source}_"*.dsc)
[ ${#descriptions[@]} -gt 0 ] || fetch
descriptions=("$work"/src/"${source}_"*.dsc)
[ ${#descriptions[@]} = 1 ] || die "one source package is wanted in $work/src, ${#descriptions[@]} lie there"
rm -rf "$work/tree"
dpkg-source --no-copy -x "${descriptions[0]}" "$work/tree" >"$work/unpack.log" 2>&1 || { cat "$work/unpack.log" >&2; die "the source cannot be unpacked"; }

# Products and sums are fused into one rounding only where the distribution's build does
# so, in the two files that are made for processors which can: so each number, and with
# it the text, is the same. The rest is the distribution's too, its hardening included,
# but without OpenMP (a process of ours has one thread) and without fetching from the web.
export DEB_BUILD_MAINT_OPTIONS=hardening=+all
hardening="$(dpkg-buildflags --get CPPFLAGS) $(dpkg-buildflags --get CXXFLAGS | sed -E 's/-O[0-9]|-g |-ffile-prefix-map=[^ ]*//g')"
flags="-O3 -march=native -flto=auto -fno-semantic-interposition"
exact="-ffp-contract=off"
tree="-ffile-prefix-map=$work/tree=." # the same library wherever it is built
packs=$(grep -o 'DTESSDATA_PREFIX=[^ ]*' "$work/tree/debian/rules" | grep -o '/[a-z0-9/.-]*' | first)
[ -n "$packs" ] || die "debian/rules of this version does not say where the language packs are"

cd "$work/tree"
say "configure"
./autogen.sh >"$work/configure.log" 2>&1 || { tail -n 20 "$work/configure.log" >&2; die "autogen.sh failed"; }
./configure --disable-openmp --disable-static --disable-tessdata-prefix --disable-doc --without-curl --prefix="$prefix" \
  CXX="g++ $exact" AR=gcc-ar NM=gcc-nm RANLIB=gcc-ranlib CXXFLAGS="$(tr -s ' ' <<<"$hardening") $flags $tree -fPIC -DTESSDATA_PREFIX='\"$packs\"'" \
  LDFLAGS="-llept -Wl,-z,defs -Wl,-z,relro -Wl,-z,now" \
  >>"$work/configure.log" 2>&1 || { tail -n 20 "$work/configure.log" >&2; die "configure failed"; }
say "compile, which takes some minutes"
make -j"$(nproc)" libtesseract.la \
  libtesseract_avx512_la_CXXFLAGS="-mavx512f -ffp-contract=fast -I./src/ccutil" \
  libtesseract_fma_la_CXXFLAGS="-mfma -ffp-contract=fast -I./src/ccutil" \
  >"$work/make.log" 2>&1 || { tail -n 20 "$work/make.log" >&2; die "make failed"; }

built=$(readlink -f .libs/$soname)
[ "$(objdump -p "$built" | awk '$1 == "SONAME" { print $2 }')" = "$soname" ] || die "the library built is no $soname"
mkdir -p "$prefix/lib"
install -m 0644 "$built" "$prefix/lib/.new"
strip --strip-unneeded "$prefix/lib/.new"

# The instruction sets that -march=native may use, as the kernel names them.
sets='^(mmx|sse|sse2|pni|ssse3|sse4_1|sse4_2|sse4a|fma|fma4|xop|tbm|avx.*|bmi1|bmi2|abm|popcnt|movbe|f16c|adx|aes|vaes|pclmulqdq|vpclmulqdq|gfni|sha_ni|amx.*|3dnowprefetch|cx16|lahf_lm)$'
features() {
  local line
  line=$(sed -nE 's/^(flags|Features)[[:space:]]*: //p' /proc/cpuinfo | first)
  case $(uname -m) in
    x86_64) tr ' ' '\n' <<<"$line" | grep -E "$sets" ;;
    *) tr ' ' '\n' <<<"$line" | grep . ;;
  esac | sort -u | sed 's/.*/"&"/' | paste -sd,
}
plain() { tr -d '"\\\n'; }
cat > "$prefix/.build.json" <<END
{
  "format": 1,
  "library": "$soname",
  "sha256": "$(sha256sum "$prefix/lib/.new" | cut -d' ' -f1)",
  "source": "$source $version",
  "compiler": "$(g++ --version | first | plain)",
  "flags": "$(plain <<<"$flags $exact")",
  "processor": "$(sed -nE 's/^model name[[:space:]]*: //p' /proc/cpuinfo | first | plain)",
  "needs": [$(features)],
  "replaces": "$(readlink -f "$installed")",
  "replacesSHA256": "$(sha256sum "$(readlink -f "$installed")" | cut -d' ' -f1)"
}
END
mv "$prefix/lib/.new" "$prefix/lib/$soname"
mv "$prefix/.build.json" "$prefix/build.json"
say "$prefix/lib/$soname, described in $prefix/build.json"
