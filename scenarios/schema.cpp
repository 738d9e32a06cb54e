#include "scenarios/schema.hpp"

#include "policies/catalog.hpp"
#include "scenarios/embedded.hpp"
#include "scenarios/units.hpp"

#include <algorithm>
#include <fmt/format.h>
#include <valijson/adapters/nlohmann_json_adapter.hpp>
#include <valijson/schema.hpp>
#include <valijson/schema_parser.hpp>
#include <valijson/validation_results.hpp>
#include <valijson/validator.hpp>

namespace drydock::scenarios {
namespace {

using Ordered = nlohmann::ordered_json;

Ordered parameter_schema(const ParameterInfo& info) {
  struct Describe {
    const ParameterInfo& info;
    Ordered operator()(Duration value) const {
      return {{"$ref", "#/definitions/duration"}, {"description", info.help}, {"default", format_duration(value)}};
    }
    Ordered operator()(double value) const {
      Ordered schema{{"type", "number"}, {"description", info.help}, {"default", value}};
      return bounded(std::move(schema));
    }
    Ordered operator()(std::int64_t value) const {
      Ordered schema{{"type", "integer"}, {"description", info.help}, {"default", value}};
      return bounded(std::move(schema));
    }
    Ordered operator()(bool value) const { return {{"type", "boolean"}, {"description", info.help}, {"default", value}}; }
    Ordered operator()(const std::string& value) const {
      return {{"enum", info.choices}, {"description", info.help}, {"default", value}};
    }
    [[nodiscard]] Ordered bounded(Ordered schema) const {
      schema["minimum"] = info.minimum;
      if (info.maximum < 1e15) schema["maximum"] = info.maximum;
      return schema;
    }
  };
  return std::visit(Describe{info}, info.default_value);
}

// A type by itself, or an object of one type with its parameters.
Ordered family_schema(PolicyFamily family, std::string_view description) {
  Ordered types = Ordered::array();
  Ordered choices = Ordered::array();
  for (const PolicyInfo& info : policy_catalog()) {
    if (info.family != family) continue;
    types.push_back(info.type);
    Ordered properties{{"type", {{"const", info.type}}}};
    for (const ParameterInfo& parameter : info.parameters)
      properties[std::string(parameter.name)] = parameter_schema(parameter);
    choices.push_back({{"title", info.type},
                       {"description", info.summary},
                       {"type", "object"},
                       {"required", {"type"}},
                       {"additionalProperties", false},
                       {"properties", std::move(properties)}});
  }
  Ordered any{{{"enum", std::move(types)}}};
  for (Ordered& choice : choices) any.push_back(std::move(choice));
  return {{"description", description}, {"anyOf", std::move(any)}};
}

std::string_view embedded_schema(std::string_view name) {
  const auto files = embedded_files();
  const auto it = std::ranges::find(files, name, &EmbeddedFile::name);
  DRYDOCK_CHECK(it != files.end(), "the schema is not part of this build");
  return it->text;
}

// Never freed: it is used until the process ends.
const valijson::Schema* compiled(const Json& json) {
  auto* schema = new valijson::Schema;
  valijson::SchemaParser().populateSchema(valijson::adapters::NlohmannJsonAdapter(json), *schema);
  return schema;
}

Result<bool> validate(const valijson::Schema& schema, const Json& document) {
  valijson::Validator validator;
  valijson::ValidationResults results;
  if (validator.validate(schema, valijson::adapters::NlohmannJsonAdapter(document), &results)) return true;
  // The last one is the most general; the first is where it began.
  valijson::ValidationResults::Error error;
  std::string pointer;
  if (!results.popError(error)) return Error{"/: breaks the schema"};
  for (std::size_t i = 1; i < error.context.size(); ++i) {
    std::string part = error.context[i];
    if (part.size() > 2 && part.front() == '[') part = part.substr(1, part.size() - 2);
    pointer += "/" + escape_pointer(part);
  }
  return Error{fmt::format("{}: {}", pointer.empty() ? "/" : pointer, error.description)};
}

}  // namespace

std::string schema_text() {
  Ordered schema = Ordered::parse(embedded_schema("scenario.schema"));
  schema["definitions"]["placement"] =
      family_schema(PolicyFamily::placement, "Which job goes next, on which workers (drydock policies lists them).");
  schema["definitions"]["liveness"] = family_schema(PolicyFamily::liveness, "How the death of a worker is noticed.");
  schema["definitions"]["accounting"] =
      family_schema(PolicyFamily::accounting, "How the total of allocated cpus is kept beside the database.");
  schema["definitions"]["retry"] =
      family_schema(PolicyFamily::retry, "What becomes of a job after a failed attempt, or one lost with its worker.");
  schema["definitions"]["checkpoint_policy"] =
      family_schema(PolicyFamily::checkpoint,
                    "How much work lies between two checkpoints of jobs that have them (on_failure, on_preemption).");
  schema["definitions"]["session"] =
      family_schema(PolicyFamily::session, "Whether jobs start on hosts whose session may end before they do.");
  schema["definitions"]["share"] =
      family_schema(PolicyFamily::share, "How the limits of a service are divided among the workers.");
  schema["definitions"]["isolation"] =
      family_schema(PolicyFamily::isolation, "Which pool may serve which queue, and which queue goes first.");
  return schema.dump(2) + "\n";
}

Result<bool> validate_against_schema(const Json& scenario) {
  static const valijson::Schema* const kSchema = compiled(Json::parse(schema_text()));
  return validate(*kSchema, scenario);
}

Result<bool> validate_calibration(const Json& calibration) {
  static const valijson::Schema* const kSchema = compiled(Json::parse(embedded_schema("calibration.schema")));
  return validate(*kSchema, calibration);
}

}  // namespace drydock::scenarios
