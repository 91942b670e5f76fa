// Package model tests the slotgen program against a second, small description of
// what a pass does.
//
// The oracle follows the contract of the volume, the slot and publishing. It shares no code with
// slotgen. It looks at a volume and a scandir on disk, and returns what a pass has to print, log
// and leave behind. The test makes random volumes, scandirs, overrides and settings. It runs the
// real binary over them, kills some passes at a random time, and compares.
//
// A failed case prints its seed. To repeat it, add -rapid.seed=SEED to:
//
//	go test ./internal/e2e/model -run TestModel
//
// To run thousands of cases:
//
//	go test ./internal/e2e/model -run TestModel -rapid.checks=10000 -timeout 2h
package model
