// Package reconcile makes one pass: it brings the scandir in line with the volume.
//
// A planner reads the volume, the templates and the scandir. It plans one Step for each
// profile and changes nothing. Preview returns the plan. Run has an applier carry out each
// step. Both use the same planner, so a preview shows the work of a pass.
//
// The package knows no flags and prints nothing. It hands messages to Options.Tell during
// the pass. The Report holds the outcome of each profile.
package reconcile
