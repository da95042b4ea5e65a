package host

// The state page tells patched call sites what they must know of the process.
// It is the guest's own memory: a fork copies it, threads share it, and what a
// guest does to it hurts nobody else. All zero means that nothing is known.
const (
	// StateGuard is nonzero if calls that name files or depend on the caller's
	// IDs must come to the supervisor (32 bits).
	StateGuard = StatePage
	// StateShared is nonzero if what becomes of mappings must be known to the
	// supervisor: some of them are shared (32 bits).
	StateShared = StatePage + 4
	// StateTimeouts is nonzero if sleeps with a timeout must come to the
	// supervisor (32 bits).
	StateTimeouts = StatePage + 8
	// StateKept has a bit set for each descriptor that the supervisor keeps
	// something about: what happens to it must not escape it.
	StateKept = StatePage + 0x800
	// KeptMax is how many descriptors have a bit; all others are kept.
	KeptMax = 8 * 0x800
)

// StateTainted is nonzero if the process's IDs are no longer those that it was
// started with, or may not be (32 bits).
const StateTainted = StatePage + 16

// StateAwake is nonzero if some thread of the process is not to sleep in its next
// call that may: the routine then leaves all calls to the supervisor (32 bits).
const StateAwake = StatePage + 12

// ScratchTop is the upper half of all addresses in scratch memory.
const ScratchTop = scratchBase >> 32
