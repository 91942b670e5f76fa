package cli

import (
	"fmt"
	"strconv"
	"time"

	"github.com/urfave/cli/v2"
)

// number returns the number in a flag or its variable, or unset if both are empty. cli's
// own integer flags would read the variable before they see --help.
func number(c *cli.Context, flag string, unset int) (int, error) {
	text := c.String(flag)
	if text == "" {
		return unset, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, fmt.Errorf("%s %q: not a whole number", origin(c, flag), text)
	}
	return n, nil
}

// duration returns the duration in a flag or its variable, or unset if both are empty. A
// duration below least is an error.
func duration(c *cli.Context, flag string, unset, least time.Duration) (time.Duration, error) {
	text := c.String(flag)
	if text == "" {
		return unset, nil
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		return 0, withHint(fmt.Errorf("%s %q: not a duration", origin(c, flag), text), "a number and its unit, as in 500ms, 5s or 1m")
	}
	if d < least {
		return 0, fmt.Errorf("%s %s: less than %s", origin(c, flag), d, least)
	}
	return d, nil
}
