package cli

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"github.com/urfave/cli/v2"

	"slotgen/internal/reconcile"
	"slotgen/render/scandir"
)

const (
	defaultStopTimeout = 4000
	stopTimeoutVar     = "SLOTGEN_STOP_TIMEOUT"
)

func stopCommand(msg messages) *cli.Command {
	return &cli.Command{
		Name:      "stop",
		Usage:     "end all gateways before the container stops",
		UsageText: "slotgen stop --timeout 8000",
		Description: "Sends all gateways the down command at once, waits until they have ended, removes their slots, " +
			"and waits for their loggers. No log line is lost, and nothing that a finish script prints. One deadline " +
			"holds for all of it. Later passes publish nothing until reconcile --resume, which the boot script runs.\n\n" +
			"Exit code 0: all ended; 1: some did not in time, and are named; 2: wrong usage or configuration, and " +
			"nothing was touched.",
		Flags: []cli.Flag{
			scandirFlag(), prefixFlag(),
			setting("timeout", stopTimeoutVar, strconv.Itoa(defaultStopTimeout), "take at most `MS` milliseconds"),
		},
		Action: noArguments(func(c *cli.Context) error {
			ignoreBrokenPipe()
			limit, err := stopTimeout(c, msg)
			if err != nil {
				return err
			}
			path, err := filepath.Abs(cmp.Or(c.String("scandir"), defaultScandir))
			if err != nil {
				return fmt.Errorf("resolving a relative path: %w", err)
			}
			layout, err := readLayout(c)
			if err != nil {
				return err
			}
			msg.w.hold()
			defer msg.w.release(time.Second)
			return stopAll(path, layout.Prefix, limit, msg)
		}),
	}
}

// stopTimeout returns the time limit. A wrong variable is only a warning: log lines would be
// lost if the gateways were not ended.
func stopTimeout(c *cli.Context, msg messages) (time.Duration, error) {
	const most = 9_999_999
	ms, err := number(c, "timeout", defaultStopTimeout)
	if err == nil && (ms < 1 || ms > most) {
		err = fmt.Errorf("%s %d: not between 1 and %d milliseconds", origin(c, "timeout"), ms, most)
	}
	if err != nil && origin(c, "timeout") == stopTimeoutVar {
		msg.warn("%s: using %d", err, defaultStopTimeout)
		ms, err = defaultStopTimeout, nil
	}
	return time.Duration(ms) * time.Millisecond, err
}

func stopAll(path, prefix string, limit time.Duration, msg messages) error {
	start := time.Now()
	dir, err := scandir.Open(path, prefix)
	if err != nil {
		return withHint(err, "--scandir or S6_PROFILE_GATEWAY_SCANDIR names the directory that s6-svscan scans")
	}
	defer dir.Close()
	stopped, err := dir.Stop(limit)
	if errors.Is(err, fs.ErrPermission) {
		return withHint(err, "only root may do this")
	}
	if err != nil {
		return err
	}
	for _, w := range stopped.Warnings {
		msg.warn("%s", w)
	}
	if stopped.Ended > 0 {
		msg.info("stop: %s taken down in %s", reconcile.Counted(stopped.Ended, "slot"), time.Since(start).Round(time.Millisecond))
	}
	if len(stopped.Late) == 0 {
		return nil
	}
	return msg.failed(fmt.Errorf("not ended after %d ms: %s", limit.Milliseconds(), strings.Join(stopped.Late, ", ")))
}
