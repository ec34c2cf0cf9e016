# Prints one JSON line per feature. Arguments: names of checks, when only some are wanted.

require_relative 'bench'
require_relative 'checks'

# How the check went: its status and one line about it.
def run(feature, check)
  bench = Bench.new(feature)
  check.call(bench)
  ['pass', '']
rescue NotOffered => error
  ['not offered', error.message]
rescue StandardError => error # whatever it is, it is this row's result
  ['fail', "#{error.class}: #{error.message}"]
ensure
  bench&.end
end

$stdout.sync = true
CHECKS.each do |feature, check|
  next unless ARGV.empty? || ARGV.include?(feature)

  status, detail = run(feature, check)
  puts JSON.generate({ feature: feature, status: status, detail: detail })
end
