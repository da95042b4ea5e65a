package man

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/spf13/cobra"
)

// lint has mandoc look at a page.
func lint(t *testing.T, name string) {
	t.Helper()
	if _, err := exec.LookPath("mandoc"); err != nil {
		t.Skip("no mandoc here (apt-get install mandoc)")
	}
	out, err := exec.Command("mandoc", "-T", "lint", "-W", "warning", name).CombinedOutput()
	if err != nil {
		t.Errorf("mandoc: %v\n%s", err, out)
	}
}

func TestPages(t *testing.T) {
	pages, err := filepath.Glob("*.[1-9]")
	if err != nil || len(pages) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	for _, page := range pages {
		t.Run(page, func(t *testing.T) { lint(t, page) })
	}
}

func TestInstallPage(t *testing.T) {
	run := func(*cobra.Command, []string) {}
	root := &cobra.Command{Use: "lsf-install"}
	root.PersistentFlags().Bool("quiet", false, "say less")
	root.PersistentFlags().String("secret", "", "for tests")
	if err := root.PersistentFlags().MarkHidden("secret"); err != nil {
		t.Fatal(err)
	}
	get := &cobra.Command{Use: "get IMAGE [DIR]", Run: run, Short: "Get a system",
		Long: "Get a system. From:\n\n  .a    a file\n  b\\c   another\n\nDone.\n'tis all.", Example: "  lsf-install tree get x"}
	get.Flags().StringP("output", "o", "", "write to `FILE`")
	tree := &cobra.Command{Use: "tree"}
	tree.AddCommand(get)
	root.AddCommand(tree, &cobra.Command{Use: "hidden", Hidden: true, Run: run}, &cobra.Command{Use: "check", Run: run, Short: "Check it"})
	page := InstallPage(root)
	for _, want := range []string{
		".Nm\n.Cm check\n.Nm\n.Cm tree get\n.Op Ar flags\n.Ar IMAGE\n.Op Ar DIR\n",
		".It Xo\n.Cm check\n.Xc\nCheck it.\n",
		"Get a system.\nFrom:\n.Bd -literal -offset indent\n  .a    a file\n  b\\ec   another\n.Ed\n.Pp\nDone.\n\\&'tis all.\n" +
			".Bl -tag -width Ds\n.It Fl o , Fl \\-output Ar FILE\nWrite to FILE.\n.El\n" +
			".Bd -literal -offset indent\n  lsf\\-install tree get x\n.Ed\n",
		"All commands take:\n.Bl -tag -width Ds\n.It Fl \\-quiet\nSay less.\n.El\n",
	} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks:\n%s", want)
		}
	}
	if strings.Contains(page, "hidden") || strings.Contains(page, "secret") || strings.Contains(page, "@") {
		t.Error("the page has what it should not")
	}
	if t.Failed() {
		t.Log(page)
	}
	name := filepath.Join(t.TempDir(), "lsf-install.8")
	if err := os.WriteFile(name, []byte(page), 0o666); err != nil {
		t.Fatal(err)
	}
	lint(t, name)
}
