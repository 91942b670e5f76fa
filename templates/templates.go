// Package templates holds the embedded template tree: one file for each file of
// a slot, its path with ".tmpl" added.
package templates

import "embed"

// FS is the tree that slotgen renders where no override stands in front of it;
// below completion are scripts for shells, below hook those that wire slotgen into
// an image, below man is the manual.
//
//go:embed *.tmpl log/*.tmpl completion hook man
var FS embed.FS
