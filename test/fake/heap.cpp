// SPDX-License-Identifier: MIT
#include "heap.hpp"

#include <array>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <limits>
#include <map>
#include <mutex>
#include <new>

// Under AddressSanitizer the red zones are its own, and it finds a wrong access at once.
#if defined(__SANITIZE_ADDRESS__)
#define BPFMAP_TEST_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define BPFMAP_TEST_ASAN 1
#endif
#endif
#ifndef BPFMAP_TEST_ASAN
#define BPFMAP_TEST_ASAN 0
#endif

namespace {

constexpr std::size_t red_zone = BPFMAP_TEST_ASAN ? 0 : 64;
constexpr int red = 0xa5;
constexpr int fresh = 0xcd;  // nobody may count on new memory being zero
constexpr int stale = 0xdd;

thread_local std::size_t counted = 0;
thread_local int paused = 0;
thread_local std::size_t largest = std::numeric_limits<std::size_t>::max();

// For the books of the heap itself.
template <class T>
struct plain_allocator {
  using value_type = T;
  plain_allocator() = default;
  template <class U>
  plain_allocator(plain_allocator<U> const&) noexcept {}  // NOLINT: allocators convert
  T* allocate(std::size_t n) { return static_cast<T*>(std::malloc(n * sizeof(T))); }
  void deallocate(T* at, std::size_t) noexcept { std::free(at); }
  friend bool operator==(plain_allocator const&, plain_allocator const&) { return true; }
};

struct block {
  std::size_t bytes;
  std::size_t alignment;
  void* base;
};

constexpr std::size_t most_kept = 32;

struct books {
  std::mutex mutex;
  std::map<std::uintptr_t, block, std::less<>, plain_allocator<std::pair<std::uintptr_t const, block>>> live;
  std::array<std::array<char, 120>, most_kept> wrong{};
  std::size_t wrongs = 0;

  void note(char const* what, std::size_t bytes) noexcept {
    if (wrongs == most_kept) return;
    std::snprintf(wrong[wrongs].data(), wrong[wrongs].size(), "%s an allocation of %zu bytes", what, bytes);
    ++wrongs;
  }
};

// Never destroyed: memory is given back until the very end.
books& ledger() {
  alignas(books) static std::byte room[sizeof(books)];
  static books* const made = new (room) books;
  return *made;
}

bool intact(std::byte const* zone) noexcept {
  for (std::size_t i = 0; i < red_zone; ++i) {
    if (zone[i] != std::byte{red}) return false;
  }
  return true;
}

void* take(std::size_t bytes, std::size_t alignment) noexcept {
  if (paused == 0) {
    if (bytes > largest) return nullptr;
    ++counted;
  }
  std::size_t const lead = red_zone == 0 ? 0 : std::max(red_zone, alignment);
  if (bytes > std::numeric_limits<std::size_t>::max() - lead - red_zone) return nullptr;
  void* base = nullptr;
  if (posix_memalign(&base, std::max(alignment, sizeof(void*)), lead + bytes + red_zone) != 0) return nullptr;
  auto* const at = static_cast<std::byte*>(base) + lead;
  if (red_zone != 0) {
    std::memset(at - red_zone, red, red_zone);
    std::memset(at + bytes, red, red_zone);
  }
  std::memset(at, fresh, std::min<std::size_t>(bytes, 1U << 20));
  books& all = ledger();
  std::lock_guard const lock(all.mutex);
  all.live.emplace(reinterpret_cast<std::uintptr_t>(at), block{bytes, alignment, base});
  return at;
}

void give_back(void* pointer, std::size_t alignment) noexcept {
  if (pointer == nullptr) return;
  books& all = ledger();
  block known{};
  {
    std::lock_guard const lock(all.mutex);
    auto const found = all.live.find(reinterpret_cast<std::uintptr_t>(pointer));
    if (found == all.live.end()) std::abort();  // given back twice, or never given out
    known = found->second;
    all.live.erase(found);
    if (known.alignment != alignment) all.note("the wrong operator delete for", known.bytes);
    auto const* const at = static_cast<std::byte const*>(pointer);
    if (red_zone != 0 && !intact(at - red_zone)) all.note("something was written before", known.bytes);
    if (red_zone != 0 && !intact(at + known.bytes)) all.note("something was written behind", known.bytes);
  }
  std::memset(pointer, stale, std::min<std::size_t>(known.bytes, 1U << 20));
  std::free(known.base);
}

constexpr std::size_t usual = __STDCPP_DEFAULT_NEW_ALIGNMENT__;

void* or_throw(void* pointer) {
  if (pointer == nullptr) throw std::bad_alloc();
  return pointer;
}

}  // namespace

namespace heap {

std::size_t allocations() noexcept { return counted; }

std::size_t room_at(void const* at) noexcept {
  books& all = ledger();
  std::lock_guard const lock(all.mutex);
  auto const where = reinterpret_cast<std::uintptr_t>(at);
  auto behind = all.live.upper_bound(where);
  if (behind == all.live.begin()) return std::numeric_limits<std::size_t>::max();
  --behind;
  // The red zone behind a block belongs to it: an address there has no room.
  if (where > behind->first + behind->second.bytes + red_zone) return std::numeric_limits<std::size_t>::max();
  if (where >= behind->first + behind->second.bytes) return 0;
  return behind->first + behind->second.bytes - where;
}

std::vector<std::string> violations() {
  pause const own;
  std::vector<std::string> list;
  list.reserve(most_kept);
  books& all = ledger();
  for (std::size_t i = 0;; ++i) {
    std::array<char, 120> line{};
    {
      std::lock_guard const lock(all.mutex);
      if (i == all.wrongs) {
        all.wrongs = 0;
        return list;
      }
      line = all.wrong[i];
    }
    list.emplace_back(line.data());
  }
}

pause::pause() noexcept { ++paused; }
pause::~pause() { --paused; }
limit::limit(std::size_t most) noexcept { largest = most; }
limit::~limit() { largest = std::numeric_limits<std::size_t>::max(); }

}  // namespace heap

void* operator new(std::size_t n) { return or_throw(take(n, usual)); }
void* operator new[](std::size_t n) { return or_throw(take(n, usual)); }
void* operator new(std::size_t n, std::nothrow_t const&) noexcept { return take(n, usual); }
void* operator new[](std::size_t n, std::nothrow_t const&) noexcept { return take(n, usual); }
void* operator new(std::size_t n, std::align_val_t a) { return or_throw(take(n, static_cast<std::size_t>(a))); }
void* operator new[](std::size_t n, std::align_val_t a) { return or_throw(take(n, static_cast<std::size_t>(a))); }
void* operator new(std::size_t n, std::align_val_t a, std::nothrow_t const&) noexcept {
  return take(n, static_cast<std::size_t>(a));
}
void* operator new[](std::size_t n, std::align_val_t a, std::nothrow_t const&) noexcept {
  return take(n, static_cast<std::size_t>(a));
}

void operator delete(void* p) noexcept { give_back(p, usual); }
void operator delete[](void* p) noexcept { give_back(p, usual); }
void operator delete(void* p, std::size_t) noexcept { give_back(p, usual); }
void operator delete[](void* p, std::size_t) noexcept { give_back(p, usual); }
void operator delete(void* p, std::nothrow_t const&) noexcept { give_back(p, usual); }
void operator delete[](void* p, std::nothrow_t const&) noexcept { give_back(p, usual); }
void operator delete(void* p, std::align_val_t a) noexcept { give_back(p, static_cast<std::size_t>(a)); }
void operator delete[](void* p, std::align_val_t a) noexcept { give_back(p, static_cast<std::size_t>(a)); }
void operator delete(void* p, std::size_t, std::align_val_t a) noexcept { give_back(p, static_cast<std::size_t>(a)); }
void operator delete[](void* p, std::size_t, std::align_val_t a) noexcept { give_back(p, static_cast<std::size_t>(a)); }
void operator delete(void* p, std::align_val_t a, std::nothrow_t const&) noexcept {
  give_back(p, static_cast<std::size_t>(a));
}
void operator delete[](void* p, std::align_val_t a, std::nothrow_t const&) noexcept {
  give_back(p, static_cast<std::size_t>(a));
}
