package main

import (
	"strings"

	"github.com/crun-go/crun-go/libcontainer/cli"
)

// A page is a manual page being written (man(7)).
type page struct{ strings.Builder }

// pages are the manual pages, by their names below the directory of manuals.
func pages(version, date string) map[string]string {
	program, commands := cli.Table()
	files := map[string]string{"man8/crun-go.8": programPage(program, commands, version, date)}
	for _, c := range commands {
		files["man8/crun-go-"+c.Name+".8"] = commandPage(c, version, date)
	}
	return files
}

func programPage(program *cli.Command, commands []*cli.Command, version, date string) string {
	p := new(page)
	p.head(program.Name, program.Title, version, date)
	p.section("SYNOPSIS")
	p.line(`.B crun\-go`)
	p.line(`.RI [ "global options" ]`)
	p.line(`.I command`)
	p.line(`.RI [ "command options" ] " arguments"`)
	p.section("DESCRIPTION")
	p.text(program.Description)
	p.section("COMMANDS")
	for _, c := range commands {
		p.line(".TP")
		p.line(`.BR crun\-go\-` + escape(c.Name) + " (8)")
		p.text(upper(c.Title) + ".")
	}
	p.section("GLOBAL OPTIONS")
	p.text("They stand before the command.")
	p.flags(program.Flags())
	for _, s := range programSections() {
		p.section(s.title)
		for _, item := range s.items {
			p.line(".TP")
			p.line(".B " + escape(item[0]))
			p.text(item[1])
		}
	}
	p.section("SEE ALSO")
	p.line(".BR runc (8),")
	p.line(".BR crun (1),")
	p.line(".BR containerd (8),")
	p.line(".BR podman (1)")
	p.text("\nThe runtime specification: https://github.com/opencontainers/runtime-spec")
	return p.String()
}

func commandPage(c *cli.Command, version, date string) string {
	p := new(page)
	p.head("crun-go-"+c.Name, c.Title, version, date)
	p.section("SYNOPSIS")
	p.line(`.B crun\-go`)
	p.line(`.RI [ "global options" ]`)
	p.line(".B " + escape(c.Name))
	p.line(`.RI [ options ]`)
	if len(c.Args) > 0 {
		p.line(arguments(c.Args))
	}
	p.section("DESCRIPTION")
	p.text(c.Description)
	p.section("EXAMPLE")
	p.text("    " + strings.ReplaceAll(c.Example, "\n", "\n    "))
	p.section("OPTIONS")
	p.flags(c.Flags())
	p.section("EXIT STATUS")
	p.text(exitStatus(c.Name))
	p.section("SEE ALSO")
	p.line(`.BR crun\-go (8)`)
	return p.String()
}

func (p *page) line(s string) { p.WriteString(s + "\n") }

func (p *page) head(name, title, version, date string) {
	p.line(`.\" Written by libcontainer/cli/internal/gen: change the descriptions in libcontainer/cli.`)
	p.line(`.TH ` + strings.ToUpper(escape(name)) + ` 8 "` + date + `" "crun\-go ` + escape(version) + `" "System Administration"`)
	p.section("NAME")
	p.line(escape(name) + ` \- ` + plain(title))
}

func (p *page) section(title string) { p.line(".SH " + quoted(title)) }

// text writes paragraphs; lines that are indented are shown as they are.
func (p *page) text(text string) {
	lines := strings.Split(strings.TrimRight(text, "\n"), "\n")
	for i := 0; i < len(lines); i++ {
		switch {
		case strings.HasPrefix(lines[i], "    "):
			p.line(".IP\n.EX")
			for ; i < len(lines) && strings.HasPrefix(lines[i], "    "); i++ {
				p.line(escape(strings.TrimPrefix(lines[i], "    ")))
			}
			p.line(".EE")
			if i--; i+1 < len(lines) {
				p.line(".PP")
			}
		case strings.TrimSpace(lines[i]) == "":
			// .IP makes its own space, and behind .EE there is one.
			if i > 0 && !strings.HasPrefix(lines[i-1], "    ") && i+1 < len(lines) && !strings.HasPrefix(lines[i+1], "    ") {
				p.line(".PP")
			}
		default:
			p.line(plain(lines[i]))
		}
	}
}

func (p *page) flags(flags []cli.Flag) {
	for _, f := range flags {
		p.line(".TP")
		var forms []string
		for _, form := range f.Forms {
			forms = append(forms, `\fB`+escape(form)+`\fR`)
		}
		line := strings.Join(forms, ", ")
		if f.Value != "" {
			line += ` \fI` + escape(f.Value) + `\fR`
		}
		p.line(line)
		p.text(upper(f.Meaning) + ".")
		if f.Default != "" {
			p.text("Default: " + f.Default + ".")
		}
	}
}

// arguments sets the names of arguments in italics, and words to be typed in bold.
func arguments(args []cli.Arg) string {
	var list []string
	for _, a := range args {
		name := `\fI` + escape(a.Name) + `\fR`
		if len(a.Choices) > 0 {
			name = `\fB` + escape(strings.Join(a.Choices, "|")) + `\fR`
		}
		if a.Many {
			name += "..."
		}
		if a.Optional {
			name = "[" + name + "]"
		}
		list = append(list, name)
	}
	return strings.Join(list, " ")
}

// escape writes words to be typed: every character stands for itself.
func escape(s string) string {
	s = strings.NewReplacer(`\`, `\e`, "-", `\-`, "'", `\(aq`, "`", `\(ga`, "^", `\(ha`, "~", `\(ti`, `"`, `\(dq`).Replace(s)
	return sheltered(s)
}

// plain writes text.
func plain(s string) string {
	// A minus before a flag is one; that in compound words is a hyphen.
	s = strings.NewReplacer(`\`, `\e`, " --", ` \-\-`, "(--", `(\-\-`, " -", ` \-`, "'", `\(cq`, "^", `\(ha`, "~", `\(ti`).Replace(" " + s)
	return sheltered(s[1:])
}

// sheltered keeps a line from being a request.
func sheltered(s string) string {
	if strings.HasPrefix(s, ".") || strings.HasPrefix(s, "'") {
		return `\&` + s
	}
	return s
}

func quoted(s string) string {
	if strings.Contains(s, " ") {
		return `"` + s + `"`
	}
	return s
}

// upper begins a sentence, unless it begins with a name.
func upper(s string) string {
	first, _, _ := strings.Cut(s, " ")
	if strings.ContainsAny(first, "./_-") {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}
