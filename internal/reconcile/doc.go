// Package reconcile is one pass: it brings the scandir in line with the volume.
//
// A planner reads the volume, the templates and the scandir, and decides for one
// profile after the other what is to be done: a Step. It changes nothing. Preview
// returns what it planned. Run has an applier carry each step out. Both use the same
// planner, so that a preview tells what a pass does.
//
// The package knows no flags and prints nothing. What an operator has to know while
// the pass goes on is handed to Options.Tell, what became of each profile is in the
// Report.
package reconcile
