package load

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/lsf-linux/lsf/config"
)

// FuzzAgree shows that what lsf-binfmt's own reader accepts is TOML and means
// the same to viper.
func FuzzAgree(f *testing.F) {
	f.Add("root = \"/a\"\n", "debug = true # x")
	f.Add("root = '/a\\b'\r\nengine = \"sud\"", "root = \"/\\u0061\\\"\\\\\"\ntrace=\"-\"")
	f.Add("mode = \"chroot\" #\t\n", "\t# é\nmode=\"prefix\"")
	f.Add("root = \"/a#b\" # c\n", "debug = false")
	f.Add("release = \"14.1-RELEASE\"\n", "release = ''")
	f.Fuzz(func(t *testing.T, first, second string) {
		dir := t.TempDir()
		if err := os.Mkdir(filepath.Join(dir, "config.d"), 0o777); err != nil {
			t.Fatal(err)
		}
		for name, text := range map[string]string{"config.toml": first, "config.d/10.toml": second} {
			if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o666); err != nil {
				t.Fatal(err)
			}
		}
		env := []string{"LSF_ENGINE=ptrace"}
		light, lightErr := config.Load(dir, env)
		heavy, heavyErr := Load(dir, env)
		if (lightErr == nil) != (heavyErr == nil) {
			t.Fatalf("light: %v, viper: %v", lightErr, heavyErr)
		}
		if lightErr == nil && light != heavy {
			t.Fatalf("light %+v, viper %+v", light, heavy)
		}
	})
}
