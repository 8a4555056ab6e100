#include "check.h"
#include "core/page-changes.h"

using namespace rstore;

namespace {

/// What std::stable_sort makes of the same; `linesAt` tells the order in which they were added.
void checkAgainstComparing(const std::vector<uint32_t>& pages) {
  PageChanges changes;
  std::vector<PageChange> expected;
  for (size_t i = 0; i < pages.size(); i++) {
    const PageChange change{
        .page = pages[i], .checksum = pages[i] * 3, .mask = i + 1, .linesAt = i * 8};
    changes.add(change);
    expected.push_back(change);
  }
  std::stable_sort(expected.begin(), expected.end(),
                   [](const PageChange& a, const PageChange& b) { return a.page < b.page; });
  const auto sorted = changes.sort();
  CHECK(sorted.size() == expected.size());
  for (size_t i = 0; i < sorted.size(); i++) {
    CHECK(sorted[i].page == expected[i].page);
    CHECK(sorted[i].linesAt == expected[i].linesAt);
    CHECK(sorted[i].mask == expected[i].mask);
    CHECK(sorted[i].checksum == expected[i].checksum);
  }
}

}  // namespace

TEST(nothingAndOne) {
  checkAgainstComparing({});
  checkAgainstComparing({0});
  checkAgainstComparing({UINT32_MAX});
}

TEST(pagesOfEverySizeKeepTheOrderOfTheirChanges) {
  uint32_t state = 7;
  const auto random = [&] { return state = state * 1664525 + 1013904223; };
  for (const uint32_t shift : {30, 25, 21, 20, 12, 10, 9, 5, 0}) {
    std::vector<uint32_t> pages(20'000);
    for (uint32_t& page : pages) page = random() >> shift;
    checkAgainstComparing(pages);
  }
}

TEST(usedAgain) {
  PageChanges changes;
  for (uint32_t round = 0; round < 3; round++) {
    for (uint32_t page = 100; page != 0; page--) changes.add({page << round * 11, 0, 1, 0});
    const auto sorted = changes.sort();
    CHECK(sorted.size() == 100);
    for (uint32_t i = 0; i < 100; i++) CHECK(sorted[i].page == (i + 1) << round * 11);
    changes.clear();
    CHECK(changes.size() == 0);
  }
}

int main() { return check::runAll(); }
