# fish completion for crun-go, which knows itself what may follow.

function __crun_go_complete
    set -l words (commandline -opc)
    set -l current (commandline -ct)
    set -l flag (string match -r -- '^-[^=]*=' "$current")
    set -l value (string replace -r -- '^-[^=]*=' '' "$current")
    set -l program $words[1]
    set -e words[1]
    for line in ($program __complete -- $words "$current" 2>/dev/null)
        switch $line
            case :file
                __fish_complete_path "$value" | string replace -r -- '^' "$flag"
            case :dir
                __fish_complete_directories "$value" | string replace -r -- '^' "$flag"
            case '*'
                echo "$flag$line"
        end
    end
end

complete -c crun-go -f -a '(__crun_go_complete)'
