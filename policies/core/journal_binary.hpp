// The binary journal.
//
//   file    = magic, record(header), record(step)..., [end]
//   record  = varint length > 0, payload, checksum
//   end     = byte 0, varint JournalEnd, varint number of steps, checksum
//   header  = varint format version, text version, text scenario, text variant, varint seed
//   step    = head byte, time, [counts], events, commands, 8 bytes hash
//
// A checksum is the low 32 bits of a hash of the payload that goes on from the one of the record before: a lost, repeated or
// exchanged record is found as well as a damaged one. Times, ids and specs are written as differences from the last ones
// (Deltas), so each record needs those before it.
#pragma once

#include "policies/core/commands.hpp"
#include "policies/core/events.hpp"
#include "policies/core/journal.hpp"
#include "policies/core/journal_binary_bytes.hpp"

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>

namespace drydock::journal_detail {

// The first byte is in no text, the line ends reveal a transfer as text (the idea is PNG's).
inline constexpr std::array<std::uint8_t, 8> kMagic{0x8e, 'D', 'R', 'Y', '\r', '\n', 0x1a, '\n'};
inline constexpr std::uint64_t kFormatVersion = 2;
inline constexpr std::uint64_t kMaxRecordBytes = std::uint64_t{1} << 30U;
inline constexpr std::uint64_t kChecksumSeed = 0x6a09e667f3bcc908U;

// What differences refer to; the same on both sides after each step.
struct Deltas {
  std::uint64_t time = 0;
  std::uint64_t submitted = 0;  // job id
  std::uint64_t job = 0;        // id, of attempts and the rest
  std::uint64_t request = 0;
  std::uint64_t worker = 0;
  std::uint64_t version = 0;  // of the store
  std::uint64_t amount = 0;   // of the counter, or of its truth
  std::uint64_t server = 0;   // of the registry
  std::uint64_t sentinel = 0;
  JobSpec spec{};
  WorkerSpec worker_spec{};
};

// Head byte of a step: bit 0 = the time is in whole seconds, bits 1-3 events, bits 4-6 commands (7: a varint follows).
inline constexpr std::uint8_t kHeadSeconds = 1;
inline constexpr std::uint8_t kHeadMany = 7;
inline constexpr std::uint64_t kNanosPerSecond = 1'000'000'000;

// Each event and command starts with a byte: its code in the low 5 bits, something small in the upper 3.
inline constexpr unsigned kTagBits = 5;
inline constexpr std::uint8_t kTagMask = (1U << kTagBits) - 1;

// Which fields of a JobSpec or WorkerSpec differ from the last one, in order of how often they do.
enum SpecBit : std::uint32_t {
  kSpecEstimate = 1U << 0U,
  kSpecWholeSeconds = 1U << 1U,  // the estimate is in seconds, not nanoseconds
  kSpecTasks = 1U << 2U,
  kSpecPriority = 1U << 3U,
  kSpecQueue = 1U << 4U,
  kSpecCpus = 1U << 5U,
  kSpecMemory = 1U << 6U,
  kSpecGpus = 1U << 7U,
  kSpecSlots = 1U << 8U,
  kSpecInput = 1U << 9U,
  kSpecOutput = 1U << 10U,
  kSpecInterrupts = 1U << 11U,
  kSpecAll = (1U << 12U) - 1,
};
enum WorkerBit : std::uint8_t {
  kWorkerPool = 1U << 0U,
  kWorkerCpus = 1U << 1U,
  kWorkerMemory = 1U << 2U,
  kWorkerGpus = 1U << 3U,
  kWorkerSlots = 1U << 4U,
  kWorkerSpeed = 1U << 5U,
  kWorkerUntil = 1U << 6U,
  kWorkerAll = (1U << 7U) - 1,
};

void encode_step(ByteWriter& out, Deltas& deltas, Time now, std::span<const Event> events, std::span<const Command> commands,
                 std::uint64_t hash);

// What is wrong with the payload, with the offset in it; nothing when it was read.
[[nodiscard]] std::optional<std::string> decode_step(std::span<const std::uint8_t> payload, Deltas& deltas,
                                                     JournalStep& step);

}  // namespace drydock::journal_detail
