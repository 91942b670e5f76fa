package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// userID is the number of the slots' user and group.
const userID = 10000

func (b *bench) home(v volume) string { return filepath.Join(b.tmpfs, v.name) }

func (b *bench) scandir(v volume, of string) string {
	return filepath.Join(b.tmpfs, v.name+"-"+of)
}

func (b *bench) reconcile(v volume, scandir string) []string {
	return []string{
		b.program("slotgen"), "reconcile", "--home", b.home(v), "--scandir", scandir,
		"--user", fmt.Sprintf("%d:%d", userID, userID), "--proc", filepath.Join(b.tmpfs, "proc"),
		"--max-services", "1000000",
	}
}

// firstBoot returns the work of making every slot of a volume in an empty scandir.
func (b *bench) firstBoot(v volume) work {
	dir := b.scandir(v, "first")
	w := work{
		what: fmt.Sprintf("%d profiles, first boot", v.profiles), argv: b.reconcile(v, dir),
		prepare: func() error { return os.RemoveAll(dir) },
	}
	if v == huge {
		w.memory = 30
	}
	return w
}

// floor returns the same work in C.
func (b *bench) floor(v volume) work {
	dir := b.scandir(v, "floor")
	return work{
		what: fmt.Sprintf("%d profiles in C", v.profiles),
		argv: []string{
			b.program("floor"), b.home(v), dir, filepath.Join(b.tmpfs, "model"), strconv.Itoa(userID),
		},
		prepare: func() error { return os.RemoveAll(dir) },
	}
}

// unchanged returns the work of a pass that finds nothing to change.
func (b *bench) unchanged(v volume) work {
	argv := b.reconcile(v, b.scandir(v, "same"))
	return work{
		what: fmt.Sprintf("%d profiles, unchanged", v.profiles), argv: argv,
		prepare: func() error { return command(nil, argv...) },
	}
}

// changed returns the work of a pass that finds some gateways, spread over the volume, with
// the opposite state of the previous pass.
func (b *bench) changed(v volume, some int) work {
	argv := b.reconcile(v, b.scandir(v, "changed"))
	turn := 0
	return work{
		what: fmt.Sprintf("%d profiles, %d changed", v.profiles, some), argv: argv,
		prepare: func() error {
			if err := command(nil, argv...); err != nil {
				return err
			}
			turn++
			for n := range some {
				i := 1 + n*(v.profiles-1)/some
				if err := v.record(b.home(v), i, (i+turn)%2 == 0); err != nil {
					return err
				}
			}
			return nil
		},
	}
}
