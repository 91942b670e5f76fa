// Bench compares slotgen with programs that do the least possible work. An empty Go program
// only starts. A C program, floor.c, makes the same tree with raw system calls. Run it in the
// repository's root:
//
//	go run ./internal/bench
//
// It needs Go, a C compiler, root, and a tmpfs at /dev/shm. It removes the files that it
// made. For each line of the table it runs two programs in turn, and prints the minimum of
// their whole-process times. A minimum repeats better than an average.
package main

import (
	"errors"
	"flag"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"
)

func main() {
	runs := flag.Int("runs", 20, "how often each program is run, ten times that where it takes milliseconds")
	only := flag.String("only", "", "measure only the lines whose text contains this")
	flag.Parse()
	if err := run(*runs, *only); err != nil {
		fmt.Fprintf(os.Stderr, "bench: %s\n", err)
		os.Exit(1)
	}
}

func run(runs int, only string) (err error) {
	if os.Geteuid() != 0 {
		return errors.New("slots with owners need root")
	}
	b, err := newBench()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, b.remove()) }()
	if err := b.compareTrees(); err != nil {
		return err
	}
	out := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(out, "WORK\tTAKES\tAGAINST\tTAKES\tRATIO\tTARGET\t")
	for _, l := range b.lines() {
		if !strings.Contains(l.work.what, only) {
			continue
		}
		if err := l.measure(out, runs); err != nil {
			return err
		}
	}
	return out.Flush()
}

// line is one line of the table. It compares a work with its baseline.
type line struct {
	work, baseline work
	target         float64 // the largest ratio of their times
	// times multiplies the number of runs: a minimum of a few milliseconds needs more
	// runs to repeat.
	times int
}

// lines returns the lines of the table, with slotgen's targets.
func (b *bench) lines() []line {
	nothing := work{what: "an empty Go program", argv: []string{b.program("empty")}}
	version := work{what: "--version", argv: []string{b.program("slotgen"), "--version"}}
	floor, boot := b.floor(medium), b.firstBoot(medium)
	same, changed, large := b.unchanged(medium), b.changed(medium, medium.profiles/10), b.firstBoot(huge)
	return []line{
		{version, nothing, 1.9, 10},
		{b.firstBoot(small), nothing, 3.0, 10},
		{boot, floor, 1.25, 1},
		{same, floor, 0.55, 1},
		{large, boot, 10.5, 1},
		{changed, same, 1.5, 1},
	}
}

func (l line) measure(out *tabwriter.Writer, runs int) error {
	got, base, err := inTurn(l.work, l.baseline, runs*l.times)
	if err != nil {
		return err
	}
	verdict(out, l.work.what, inMillis(got.took), l.baseline.what, inMillis(base.took), float64(got.took)/float64(base.took), l.target)
	if l.work.memory > 0 {
		verdict(out, l.work.what+", peak memory", inMiB(got.memory), "", "", got.mib(), l.work.memory)
	}
	return nil
}

func verdict(out *tabwriter.Writer, what, takes, baseline, baseTakes string, value, target float64) {
	missed := ""
	if value > target {
		missed = "missed"
	}
	fmt.Fprintf(out, "%s\t%s\t%s\t%s\t%.2f\t%.4g\t%s\n", what, takes, baseline, baseTakes, value, target, missed)
}

func inMillis(d time.Duration) string {
	return fmt.Sprintf("%.2f ms", float64(d)/float64(time.Millisecond))
}

func inMiB(bytes int64) string { return fmt.Sprintf("%.1f MiB", float64(bytes)/(1<<20)) }
