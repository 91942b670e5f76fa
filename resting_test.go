package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// Dropping a page that was written to loses what was written: of the program's
// own mappings only those that are as in their files may go.
func TestOnlyMappingsThatAreAsInTheirFilesAreDropped(t *testing.T) {
	const smaps = `00400000-007ea000 r-xp 00000000 fe:00 77                            /usr/local/bin/slotgen
Size:               4008 kB
Rss:                3624 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd ex mr mw me
007ea000-00c0c000 r--p 003ea000 fe:00 77                            /usr/local/bin/slotgen (deleted)
Anonymous:             0 kB
Swap:                  0 kB
00c0c000-00c50000 rw-p 0080c000 fe:00 77                            /usr/local/bin/slotgen
Anonymous:             0 kB
Swap:                  0 kB
7f0000000000-7f0000001000 r--p 00000000 fe:00 78                    /lib/relocated
Anonymous:             4 kB
Swap:                  0 kB
7f0000002000-7f0000003000 r--p 00000000 fe:00 78                    /lib/relocated and swapped out
Anonymous:             0 kB
Swap:                  4 kB
7f0000004000-7f0000005000 r--p 00000000 fe:00 78                    /lib/from a kernel that does not tell
Rss:                   4 kB
Anonymous:             0 kB
7f0000006000-7f0000007000 r--p 00000000 00:00 0
Anonymous:             0 kB
Swap:                  0 kB
7ffd00000000-7ffd00002000 r-xp 00000000 00:00 0                     [vdso]
Anonymous:             0 kB
Swap:                  0 kB
`
	want := []mapping{{0x400000, 0x7ea000}, {0x7ea000, 0xc0c000}}
	if diff := cmp.Diff(want, asInTheirFiles(smaps), cmp.AllowUnexported(mapping{})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
