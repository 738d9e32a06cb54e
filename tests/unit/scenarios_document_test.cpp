#include "scenarios/document.hpp"

#include <gtest/gtest.h>
#include <string>

namespace drydock::scenarios::document_test {
namespace {

TEST(Document, AValueFromElsewhereHasNoLinesOfTheFile) {
  auto document = Document::parse("{\n  \"name\": \"a\",\n  \"seed\": 1\n}", "a.json");
  ASSERT_TRUE(document.ok());
  EXPECT_EQ(document.value().place("/seed"), "a.json:3: /seed");
  ASSERT_TRUE(document.value().set("/other", Json{{"seed", 2}}, "from --set").ok());
  EXPECT_EQ(document.value().place("/other/seed"), "a.json: /other/seed (from --set)");
}

TEST(Document, APartOfItselfKeepsItsLines) {
  auto document = Document::parse("{\n  \"from\": {\n    \"seed\": 1\n  }\n}", "a.json");
  ASSERT_TRUE(document.ok());
  ASSERT_TRUE(document.value().set("/to", Json{{"seed", 1}}, "set at /from", "/from").ok());
  EXPECT_NE(document.value().place("/to/seed").find("a.json:3"), std::string::npos) << document.value().place("/to/seed");
}

}  // namespace
}  // namespace drydock::scenarios::document_test
