package fault

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"text/tabwriter"

	"golang.org/x/sys/unix"

	"slotgen/internal/e2e/harness"
)

// faultRow counts the results of the faults at one kind of call in one situation.
type faultRow struct {
	// nothing, part and all count the kills by the work that the run had done.
	nothing, part, all int
	// codes counts the injected errors by exit code.
	codes [harness.ExitUsage + 1]int
}

func (r *faultRow) add(o faultRow) {
	r.nothing, r.part, r.all = r.nothing+o.nothing, r.part+o.part, r.all+o.all
	for i, n := range o.codes {
		r.codes[i] += n
	}
}

func (r faultRow) kills() int { return r.nothing + r.part + r.all }

func (r faultRow) errors() int {
	return r.codes[harness.ExitOK] + r.codes[harness.ExitIncomplete] + r.codes[harness.ExitUsage]
}

func (r faultRow) String() string {
	return fmt.Sprintf("%d\t%d\t%d\t%d\t%d\t%d\t%d\t%d\t", r.kills(), r.nothing, r.part, r.all,
		r.errors(), r.codes[harness.ExitOK], r.codes[harness.ExitIncomplete], r.codes[harness.ExitUsage])
}

// faultTable holds the results of all faults.
type faultTable struct {
	mu   sync.Mutex
	rows map[[2]string]*faultRow // by situation and system call
	errs map[string]int          // by error
}

func (table *faultTable) add(f *faults, x fault, run faultRun, got tree) {
	table.mu.Lock()
	defer table.mu.Unlock()
	if table.rows == nil {
		table.rows, table.errs = map[[2]string]*faultRow{}, map[string]int{}
	}
	key := [2]string{f.name, x.call.name}
	row := table.rows[key]
	if row == nil {
		row = &faultRow{}
		table.rows[key] = row
	}
	switch {
	case !x.kills():
		table.errs[unix.ErrnoName(x.errno)]++
		if run.code < len(row.codes) {
			row.codes[run.code]++
		}
	case got.equal(f.before):
		row.nothing++
	case got.equal(f.wants):
		row.all++
	default:
		row.part++
	}
}

func (table *faultTable) String() string {
	var text strings.Builder
	tw := tabwriter.NewWriter(&text, 0, 0, 1, ' ', tabwriter.AlignRight)
	fmt.Fprintln(tw, "situation\tcall\tkills\tbefore\tamid\tafter\terrors\texit 0\texit 1\texit 2\t")
	var total, sum faultRow
	last := ""
	flush := func(next string) {
		if last != "" && next != last {
			fmt.Fprintf(tw, "%s\t\t%s\n", last, sum)
			total.add(sum)
			sum = faultRow{}
		}
		last = next
	}
	for _, key := range slices.SortedFunc(maps.Keys(table.rows), func(a, b [2]string) int {
		return cmp.Or(cmp.Compare(a[0], b[0]), cmp.Compare(a[1], b[1]))
	}) {
		flush(key[0])
		fmt.Fprintf(tw, "%s\t%s\t%s\n", key[0], key[1], table.rows[key])
		sum.add(*table.rows[key])
	}
	flush("")
	fmt.Fprintf(tw, "all of them\t\t%s\n", total)
	_ = tw.Flush() // it writes to memory
	fmt.Fprintf(&text, "%d injections: %d kills, %d errors", total.kills()+total.errors(), total.kills(), total.errors())
	for _, errno := range slices.Sorted(maps.Keys(table.errs)) {
		fmt.Fprintf(&text, ", %s %d", errno, table.errs[errno])
	}
	return text.String()
}
