#include "real-runtime/api.hpp"

namespace drydock::runtime {

std::string_view openapi() {
  return R"json({
  "openapi": "3.0.3",
  "info": {
    "title": "Drydock",
    "version": "1",
    "description": "Submits jobs and shows what becomes of them. Responses may gain fields; those that are here stay. Each path that takes GET takes HEAD, with the same headers and without a body. What is refused at its head is answered before its body is read, and the connection closed."
  },
  "security": [{"token": []}],
  "paths": {
    "/api/v1/jobs/submit": {
      "post": {
        "summary": "Submits a job, or up to 10000 in one transaction",
        "description": "With a key, a repetition within a day gets the same ids and adds nothing, also when it is not certain whether the first one arrived.",
        "parameters": [{
          "name": "Idempotency-Key", "in": "header", "description": "1 to 255 printable ASCII characters; the same as unique_key",
          "schema": {"type": "string", "minLength": 1, "maxLength": 255}
        }],
        "requestBody": {
          "required": true,
          "content": {"application/json": {
            "schema": {"oneOf": [{"$ref": "#/components/schemas/KeyedJobRequest"}, {"$ref": "#/components/schemas/JobList"}]},
            "example": {"script": "sleep 60", "cpus": 4}
          }}
        },
        "responses": {
          "201": {"description": "They are in the store for good", "headers": {"Location": {"description": "Path of a single job; likewise with 200", "schema": {"type": "string"}}}, "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Accepted"}}}},
          "200": {"description": "They were there already: a repetition", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Accepted"}}}},
          "400": {"$ref": "#/components/responses/Wrong"},
          "401": {"$ref": "#/components/responses/NoToken"},
          "413": {"$ref": "#/components/responses/TooLong"},
          "415": {"description": "The body is a form, or, where no token is asked for, not said to be application/json", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
          "422": {"description": "The key was used for other jobs", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
          "403": {"$ref": "#/components/responses/OtherName"},
          "429": {"$ref": "#/components/responses/TooOften"},
          "default": {"$ref": "#/components/responses/Other"},
          "503": {"$ref": "#/components/responses/NoStore"}
        }
      }
    },
    "/api/v1/jobs": {
      "get": {
        "summary": "Lists jobs, the newest first, without their payloads",
        "parameters": [
          {"name": "state", "in": "query", "schema": {"type": "string", "default": "any",
            "enum": ["any", "waiting", "running", "ended", "succeeded", "failed", "cancelled", "quarantined"]}},
          {"name": "queue", "in": "query", "description": "Name of a queue", "schema": {"type": "string"}},
          {"name": "limit", "in": "query", "schema": {"type": "integer", "minimum": 1, "maximum": 1000, "default": 50}},
          {"name": "after", "in": "query", "description": "The \"next\" of the page before", "schema": {"type": "string"}}
        ],
        "responses": {
          "200": {"description": "A page", "content": {"application/json": {"schema": {"type": "object", "properties": {
            "jobs": {"type": "array", "items": {"$ref": "#/components/schemas/Job"}},
            "next": {"type": "string", "nullable": true, "description": "null: there are no more"}
          }}}}},
          "400": {"$ref": "#/components/responses/Wrong"},
          "401": {"$ref": "#/components/responses/NoToken"},
          "403": {"$ref": "#/components/responses/OtherName"},
          "429": {"$ref": "#/components/responses/TooOften"},
          "default": {"$ref": "#/components/responses/Other"},
          "503": {"$ref": "#/components/responses/NoStore"}
        }
      }
    },
    "/api/v1/jobs/{id}": {
      "parameters": [{"name": "id", "in": "path", "required": true, "schema": {"type": "integer", "minimum": 0}}],
      "get": {
        "summary": "Tells what became of a job",
        "responses": {
          "200": {"description": "The job, its payload and where its attempts ran", "content": {"application/json": {"schema": {"allOf": [
            {"$ref": "#/components/schemas/Job"},
            {"type": "object", "properties": {
              "payload": {"description": "As it was submitted; text where it is no JSON"},
              "reason": {"type": "string", "nullable": true, "description": "Why it waits, or the last attempt that ended did not succeed, as far as the stores know"},
              "allocations": {"type": "array", "items": {"type": "object", "properties": {
                "attempt": {"type": "integer"}, "worker": {"type": "integer"}, "tasks": {"type": "integer"},
                "assigned_at": {"type": "string", "format": "date-time"},
                "ended_at": {"type": "string", "format": "date-time", "nullable": true},
                "outcome": {"type": "string", "nullable": true},
                "reason": {"type": "string", "description": "How it ended, as its worker says; only for a time, and where it did not succeed"},
                "ended_as": {"type": "string", "description": "Likewise", "enum": ["failed", "stopped", "timed_out", "out_of_memory", "not_started", "lost"]}
              }}}
            }}
          ]}}}},
          "400": {"$ref": "#/components/responses/Wrong"},
          "401": {"$ref": "#/components/responses/NoToken"},
          "404": {"$ref": "#/components/responses/NotThere"},
          "403": {"$ref": "#/components/responses/OtherName"},
          "429": {"$ref": "#/components/responses/TooOften"},
          "default": {"$ref": "#/components/responses/Other"},
          "503": {"$ref": "#/components/responses/NoStore"}
        }
      },
      "delete": {
        "summary": "Asks for a job to end: one that waits ends at once, one that runs is stopped",
        "responses": {
          "202": {"description": "It is written down; whoever leads sees to it", "content": {"application/json": {"schema": {"type": "object", "properties": {
            "id": {"type": "integer"}, "cancel_requested": {"type": "boolean"}
          }}}}},
          "400": {"$ref": "#/components/responses/Wrong"},
          "401": {"$ref": "#/components/responses/NoToken"},
          "404": {"$ref": "#/components/responses/NotThere"},
          "409": {"description": "It has ended", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
          "403": {"$ref": "#/components/responses/OtherName"},
          "429": {"$ref": "#/components/responses/TooOften"},
          "default": {"$ref": "#/components/responses/Other"},
          "503": {"$ref": "#/components/responses/NoStore"}
        }
      }
    },
    "/api/v1/workers": {
      "get": {
        "summary": "Lists the workers that the registry knows, with what is allocated on them",
        "responses": {
          "200": {"description": "By number", "content": {"application/json": {"schema": {"type": "object", "properties": {
            "workers": {"type": "array", "items": {"$ref": "#/components/schemas/Worker"}},
            "unreadable": {"type": "integer", "description": "Keys that are no workers of this kind"}
          }}}}},
          "401": {"$ref": "#/components/responses/NoToken"},
          "403": {"$ref": "#/components/responses/OtherName"},
          "429": {"$ref": "#/components/responses/TooOften"},
          "default": {"$ref": "#/components/responses/Other"},
          "503": {"$ref": "#/components/responses/NoStore"}
        }
      }
    },
    "/api/v1/queues": {
      "get": {
        "summary": "Lists the queues with their waiting and running jobs",
        "responses": {
          "200": {"description": "Those that the leader serves, in its scenario's order; then others of which jobs wait", "content": {"application/json": {"schema": {"type": "object", "properties": {
            "queues": {"type": "array", "items": {"type": "object", "properties": {
              "name": {"type": "string"}, "served": {"type": "boolean", "description": "false: no scheduler has it, and its jobs wait"},
              "waiting": {"type": "integer"}, "running": {"type": "integer"}
            }}},
            "all_jobs_counted": {"$ref": "#/components/schemas/AllCounted"}
          }}}}},
          "401": {"$ref": "#/components/responses/NoToken"},
          "403": {"$ref": "#/components/responses/OtherName"},
          "429": {"$ref": "#/components/responses/TooOften"},
          "default": {"$ref": "#/components/responses/Other"},
          "503": {"$ref": "#/components/responses/NoStore"}
        }
      }
    },
    "/api/v1/dashboard": {
      "get": {
        "summary": "Shows what there is, what is allocated, and who leads",
        "responses": {
          "200": {"description": "The whole", "content": {"application/json": {"schema": {"type": "object", "properties": {
            "resources": {"$ref": "#/components/schemas/Resources"},
            "leader": {"type": "object", "nullable": true, "properties": {
              "name": {"type": "string"}, "epoch": {"type": "integer"}, "lease_left_s": {"type": "number"}
            }}
          }}}}},
          "401": {"$ref": "#/components/responses/NoToken"},
          "403": {"$ref": "#/components/responses/OtherName"},
          "429": {"$ref": "#/components/responses/TooOften"},
          "default": {"$ref": "#/components/responses/Other"},
          "503": {"$ref": "#/components/responses/NoStore"}
        }
      }
    },
    "/scaling_status": {
      "get": {
        "summary": "Shows how the limits of a service are divided among workers: of one worker, or of all as one",
        "parameters": [
          {"name": "worker", "in": "query", "schema": {"type": "integer", "minimum": 0}, "description": "Of this worker alone"},
          {"name": "name", "in": "query", "schema": {"type": "string", "default": "limits"}, "description": "As --share-name of workers"}
        ],
        "responses": {
          "200": {"description": "Of the last seconds", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/ScalingStatus"}}}},
          "400": {"$ref": "#/components/responses/Wrong"},
          "404": {"description": "Nobody shares anything of this name, or not this worker"},
          "401": {"$ref": "#/components/responses/NoToken"},
          "403": {"$ref": "#/components/responses/OtherName"},
          "429": {"$ref": "#/components/responses/TooOften"},
          "default": {"$ref": "#/components/responses/Other"},
          "503": {"$ref": "#/components/responses/NoStore"}
        }
      }
    },
    "/healthz": {
      "get": {
        "summary": "Whether this process lives", "security": [],
        "responses": {"200": {"description": "It does"}, "403": {"$ref": "#/components/responses/OtherName"},
          "429": {"$ref": "#/components/responses/TooOften"},
          "default": {"$ref": "#/components/responses/Other"}}
      }
    },
    "/readyz": {
      "get": {
        "summary": "Whether both stores answer, the schema is right, and a scheduler leads", "security": [],
        "responses": {
          "200": {"description": "All of it"},
          "403": {"$ref": "#/components/responses/OtherName"},
          "429": {"$ref": "#/components/responses/TooOften"},
          "default": {"$ref": "#/components/responses/Other"},
          "503": {"description": "What is missing", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}}
        }
      }
    },
    "/metrics": {
      "get": {
        "summary": "Figures for Prometheus",
        "responses": {
          "200": {"description": "Text format 0.0.4", "content": {"text/plain": {"schema": {"type": "string"}}}},
          "401": {"$ref": "#/components/responses/NoToken"},
          "403": {"$ref": "#/components/responses/OtherName"},
          "429": {"$ref": "#/components/responses/TooOften"},
          "default": {"$ref": "#/components/responses/Other"}
        }
      }
    },
    "/openapi.json": {
      "get": {
        "summary": "This description", "security": [],
        "responses": {"200": {"description": "OpenAPI 3.0"}, "403": {"$ref": "#/components/responses/OtherName"},
          "429": {"$ref": "#/components/responses/TooOften"},
          "default": {"$ref": "#/components/responses/Other"}}
      }
    }
  },
  "components": {
    "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
    "responses": {
      "Wrong": {"description": "What is wrong, and where", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
      "NoToken": {"description": "The token is missing or another one", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
      "OtherName": {"description": "Where no token is asked for: Host is not a name of this machine", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
      "Other": {
        "description": "400: not HTTP/1.1 as it should be, or an unknown parameter; 405: Allow has the methods of this path; 408: it came too slowly; 414, 431: the first line or the headers are too long; 417: Expect is not 100-continue; 503: too many at the same time",
        "headers": {"Allow": {"description": "With 405", "schema": {"type": "string"}}},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
      },
      "NotThere": {"description": "There is no such job", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
      "TooLong": {"description": "The body is too long", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}},
      "TooOften": {
        "description": "Too many requests from this client", "headers": {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
      },
      "NoStore": {
        "description": "A store did not do its part", "headers": {"Retry-After": {"description": "Seconds", "schema": {"type": "integer"}}},
        "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Error"}}}
      }
    },
    "schemas": {
      "Error": {"type": "object", "properties": {"error": {"type": "object", "properties": {
        "status": {"type": "integer"}, "message": {"type": "string"}, "request_id": {"type": "string"}
      }}}},
      "AllCounted": {"type": "boolean", "description": "false: only the newest 100000 jobs were looked at"},
      "Allocation": {"type": "object", "description": "null: not limited", "properties": {
        "concurrent": {"type": "integer", "nullable": true, "description": "requests at a time"},
        "rpm": {"type": "integer", "nullable": true, "description": "requests a minute"},
        "tpm": {"type": "integer", "nullable": true, "description": "tokens a minute"}
      }},
      "ScalingStatus": {"type": "object", "properties": {
        "worker_id": {"type": "integer", "nullable": true, "description": "null: of all workers"},
        "total_workers": {"type": "integer"},
        "active_workers": {"type": "integer"},
        "active_worker_ids": {"type": "array", "items": {"type": "integer"}},
        "is_scaling_enabled": {"type": "boolean"},
        "base_allocation": {"$ref": "#/components/schemas/Allocation"},
        "current_allocation": {"$ref": "#/components/schemas/Allocation"},
        "utilization_ratio": {"type": "object", "description": "The allocation in parts of the limit, and the active workers in parts of all",
          "properties": {
            "concurrent": {"type": "number", "nullable": true}, "rpm": {"type": "number", "nullable": true},
            "tpm": {"type": "number", "nullable": true}, "workers": {"type": "number"}
          }}
      }},
      "JobRequest": {
        "type": "object", "description": "One of command, script, container and sleep, and what goes with it",
        "properties": {
          "command": {"type": "array", "items": {"type": "string"}, "minItems": 1},
          "script": {"type": "string"},
          "container": {"type": "object", "required": ["image"], "additionalProperties": false, "properties": {
            "image": {"type": "string"}, "command": {"type": "array", "items": {"type": "string"}}, "memory": {"$ref": "#/components/schemas/Size"},
            "cpus": {"type": "number"}, "network": {"type": "string"}, "pull": {"type": "string", "enum": ["missing", "never", "always"]}
          }},
          "sleep": {"allOf": [{"$ref": "#/components/schemas/Duration"}], "description": "Runs nothing for this time"},
          "sleep_ns": {"type": "integer", "minimum": 0}, "keeps": {"type": "boolean"},
          "environment": {"type": "object", "additionalProperties": {"type": "string"}},
          "files": {"type": "array", "items": {"type": "object", "required": ["name"], "additionalProperties": false, "properties": {
            "name": {"type": "string", "description": "Path within the working directory"}, "text": {"type": "string"}, "base64": {"type": "string"},
            "path": {"type": "string", "description": "On the worker's machine"}, "mode": {"type": "string", "enum": ["copy", "link"]},
            "executable": {"type": "boolean"}
          }}},
          "time_limit_s": {"type": "number"}, "grace_s": {"type": "number"}, "pids": {"type": "integer", "minimum": 1},
          "parameters": {"description": "Any JSON, for task.json"}, "version": {"type": "integer", "enum": [1]},
          "queue": {"type": "string", "description": "Its name; default the first"},
          "cpus": {"type": "number", "minimum": 0, "maximum": 1000000, "default": 1, "description": "For each task"},
          "memory": {"$ref": "#/components/schemas/Size"},
          "gpus": {"type": "integer", "minimum": 0, "maximum": 1000000, "default": 0},
          "tasks": {"type": "integer", "minimum": 1, "maximum": 1000000, "default": 1},
          "priority": {"type": "integer", "default": 0, "description": "Higher goes first within its queue, under placement policies that heed it (priority)"},
          "estimate": {"$ref": "#/components/schemas/Duration"}
        }
      },
      "KeyedJobRequest": {"allOf": [{"$ref": "#/components/schemas/JobRequest"}, {"type": "object", "properties": {
        "unique_key": {"type": "string", "maxLength": 255}
      }}]},
      "JobList": {"type": "object", "required": ["jobs"], "additionalProperties": false, "properties": {
        "jobs": {"type": "array", "minItems": 1, "maxItems": 10000, "items": {"$ref": "#/components/schemas/JobRequest"}},
        "unique_key": {"type": "string", "maxLength": 255}
      }},
      "Duration": {"type": "string", "example": "10m", "description": "With ns, us, ms, s, m, h, d or w"},
      "Size": {"oneOf": [{"type": "string", "example": "512MiB"}, {"type": "integer", "minimum": 0}]},
      "Accepted": {"type": "object", "properties": {
        "id": {"type": "integer", "description": "Of a single job"},
        "jobs": {"type": "array", "items": {"type": "integer"}, "description": "Ids, in the order of the request"},
        "repeated": {"type": "boolean"}
      }},
      "Job": {"type": "object", "properties": {
        "id": {"type": "integer"}, "arrival": {"type": "integer"}, "queue": {"type": "string"},
        "reason": {"type": "string", "nullable": true, "description": "Why it waits, where the store knows"},
        "status": {"type": "string", "enum": ["waiting", "running", "succeeded", "failed", "cancelled", "quarantined"]},
        "cancel_requested": {"type": "boolean"}, "priority": {"type": "integer"}, "tasks": {"type": "integer"},
        "cpus": {"type": "number"}, "memory_bytes": {"type": "integer"}, "gpus": {"type": "integer"},
        "attempts": {"type": "integer"}, "failures": {"type": "integer"}, "losses": {"type": "integer"},
        "submitted_at": {"type": "string", "format": "date-time"}
      }},
      "Worker": {"type": "object", "properties": {
        "id": {"type": "integer"}, "host": {"type": "string"}, "status": {"type": "string", "enum": ["ready", "draining"]},
        "pool": {"type": "string", "nullable": true, "description": "Its name; null where the API was started without --config"}, "pool_number": {"type": "integer"}, "incarnation": {"type": "integer"}, "speed": {"type": "number"},
        "ttl_s": {"type": "number", "nullable": true, "description": "Until it counts as dead, unless it beats; null: never"},
        "beat_age_s": {"type": "number", "nullable": true, "description": "Since its last beat; null: it does not say"},
        "cpus": {"type": "number", "nullable": true, "description": "null: any number, likewise below"},
        "memory_bytes": {"type": "integer", "nullable": true}, "gpus": {"type": "integer", "nullable": true},
        "slots": {"type": "integer", "nullable": true},
        "allocated": {"type": "object", "properties": {
          "cpus": {"type": "number"}, "memory_bytes": {"type": "integer"}, "gpus": {"type": "integer"}, "allocations": {"type": "integer"}
        }}
      }},
      "Resources": {"type": "object", "properties": {
        "total_cpus": {"type": "number", "nullable": true, "description": "Of all workers in the registry; null: any number"},
        "allocated_cpus": {"type": "number"}, "available_cpus": {"type": "number", "nullable": true},
        "utilization": {"type": "number", "nullable": true},
        "total_memory_bytes": {"type": "integer", "nullable": true}, "allocated_memory_bytes": {"type": "integer"},
        "total_gpus": {"type": "integer", "nullable": true}, "allocated_gpus": {"type": "integer"},
        "counter_cpus": {"type": "number", "nullable": true, "description": "The counter in Redis; null: its key is not there"},
        "truth_cpus": {"type": "number", "description": "The database"},
        "workers_alive": {"type": "integer"}, "workers_draining": {"type": "integer", "description": "Of those"},
        "workers_unreadable": {"type": "integer"},
        "jobs_waiting": {"type": "integer"}, "jobs_running": {"type": "integer"},
        "all_jobs_counted": {"$ref": "#/components/schemas/AllCounted"}
      }}
    }
  }
}
)json";
}

}  // namespace drydock::runtime
