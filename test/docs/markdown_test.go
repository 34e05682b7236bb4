package docs

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

func TestMarkdown(t *testing.T) {
	t.Run("links have a target, and a heading if they name one", testLinksHaveTarget)
	t.Run("make targets that pages name exist", testMakeTargetsThatPagesNameExist)
}

const root = "../.."

// block is one fenced block of a page.
type block struct {
	page string
	line int
	// info is the text after the opening fence: a language, and a word on how to test the block.
	info string
	text string
}

// pages returns every Markdown file of the repository, by path from the root.
func pages(t *testing.T) []string {
	t.Helper()
	var all []string
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && strings.HasPrefix(d.Name(), ".") && path != root {
			return fs.SkipDir
		}
		if strings.HasSuffix(path, ".md") {
			rel, err := filepath.Rel(root, path)
			all = append(all, rel)
			return err
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if len(all) < 5 {
		t.Fatalf("found only %v", all)
	}
	return all
}

// blocks returns the fenced blocks of a page.
func blocks(t *testing.T, page string) []block {
	t.Helper()
	var (
		all    []block
		open   *block
		indent string
	)
	for i, line := range strings.Split(read(t, page), "\n") {
		info, fence := strings.CutPrefix(strings.TrimLeft(line, " "), "```") // A block in a list is indented.
		switch {
		case fence && open == nil:
			indent = line[:strings.Index(line, "```")]
			open = &block{page: page, line: i + 1, info: strings.TrimSpace(info)}
		case fence:
			all, open = append(all, *open), nil
		case open != nil:
			open.text += strings.TrimPrefix(line, indent) + "\n"
		}
	}
	if open != nil {
		t.Errorf("%s:%d: the block is not closed", page, open.line)
	}
	return all
}

func read(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(root, path))
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

var (
	link       = regexp.MustCompile(`\]\(([^)\s]+)\)`)
	makeTarget = regexp.MustCompile("(?m)(?:`|^ {4}|^\\$ )make ([a-z0-9-]+)")
)

func testLinksHaveTarget(t *testing.T) {
	for _, page := range pages(t) {
		for _, m := range link.FindAllStringSubmatch(read(t, page), -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			target, anchor, _ := strings.Cut(m[1], "#")
			file := page
			if target != "" {
				file = filepath.Join(filepath.Dir(page), target)
			}
			if _, err := os.Stat(filepath.Join(root, file)); err != nil {
				t.Errorf("%s links to %s: %v", page, m[1], err)
			} else if anchor != "" && strings.HasSuffix(file, ".md") && !anchorsOf(read(t, file))[anchor] {
				t.Errorf("%s links to %s: %s has no such heading", page, m[1], file)
			}
		}
	}
}

var (
	heading = regexp.MustCompile(`(?m)^#+ (.+)$`)
	// markup is what an anchor does not have of its heading: the addresses of links, and all characters but letters, digits, hyphens and spaces.
	markup = regexp.MustCompile(`\]\([^)]*\)|[^\pL\pN _-]`)
)

// anchorsOf returns the anchors that GitHub gives to the headings of a page.
func anchorsOf(text string) map[string]bool {
	all := map[string]bool{}
	for _, m := range heading.FindAllStringSubmatch(text, -1) {
		anchor := strings.ReplaceAll(markup.ReplaceAllString(strings.ToLower(m[1]), ""), " ", "-")
		for n, first := 1, anchor; all[anchor]; n++ {
			anchor = fmt.Sprintf("%s-%d", first, n)
		}
		all[anchor] = true
	}
	return all
}

func testMakeTargetsThatPagesNameExist(t *testing.T) {
	makefile := read(t, "Makefile")
	named := 0
	for _, page := range pages(t) {
		for _, m := range makeTarget.FindAllStringSubmatch(read(t, page), -1) {
			named++
			if !strings.Contains(makefile, "\n"+m[1]+":") {
				t.Errorf("%s names make %s, which is not a target", page, m[1])
			}
		}
	}
	if named < 5 {
		t.Errorf("found only %d make commands: the pattern is broken", named)
	}
}
