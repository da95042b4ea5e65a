// Package load reads LSF's configuration with viper, for the installer: the
// same files and rules as package config, which lsf-binfmt uses, and what only
// an administrator's tool needs besides.
package load

import (
	"bytes"
	"errors"
	"fmt"
	"os"

	"github.com/spf13/viper"

	"github.com/lsf-linux/lsf/config"
)

// Load returns the settings from the files in dir and from env, as config.Load
// does. A file that lsf-binfmt would not accept is an error and is left out
// as a whole.
func Load(dir string, env []string) (config.Config, error) {
	v := viper.New()
	v.SetConfigType("toml")
	def := config.Default()
	v.SetDefault("root", def.Root)
	v.SetDefault("mode", string(def.Mode))
	v.SetDefault("trace", def.Trace)
	v.SetDefault("debug", def.Debug)
	v.SetDefault("engine", string(def.Engine))
	v.SetDefault("release", def.Release)
	var errs []error
	for _, name := range config.Files(dir) {
		text, err := os.ReadFile(name)
		if errors.Is(err, os.ErrNotExist) {
			continue
		}
		if err == nil {
			err = merge(v, text)
		}
		if err != nil {
			errs = append(errs, fmt.Errorf("%s: %w", name, err))
		}
	}
	c := settings(v)
	if err := c.ApplyEnv(env); err != nil {
		errs = append(errs, err)
	}
	return c, errors.Join(errs...)
}

// merge adds the settings of one file to v, if lsf-binfmt can read it.
func merge(v *viper.Viper, text []byte) error {
	c := config.Default()
	if err := c.Parse(text); err != nil {
		return err
	}
	return v.MergeConfig(bytes.NewReader(text))
}

func settings(v *viper.Viper) config.Config {
	c := config.Config{
		Root:    v.GetString("root"),
		Mode:    config.Mode(v.GetString("mode")),
		Trace:   v.GetString("trace"),
		Debug:   v.GetBool("debug"),
		Engine:  config.Engine(v.GetString("engine")),
		Release: v.GetString("release"),
	}
	c.Clean()
	return c
}
