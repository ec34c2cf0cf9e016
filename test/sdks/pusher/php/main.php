<?php

// Prints one JSON line per feature. Arguments: composer's autoload.php, then names of checks, when only some are wanted.

declare(strict_types=1);

require $argv[1];
require __DIR__ . '/bench.php';

/** How the check went: its status and one line about it. */
function run(string $feature, callable $check): array
{
    $bench = new Bench($feature);
    try {
        $check($bench);
        return ['pass', ''];
    } catch (Throwable $error) { // whatever it is, it is this row's result
        return ['fail', $error::class . ': ' . $error->getMessage()];
    } finally {
        $bench->end();
    }
}

$wanted = array_slice($argv, 2);
foreach (require __DIR__ . '/checks.php' as $feature => $check) {
    if ($wanted !== [] && !in_array($feature, $wanted, true)) {
        continue;
    }
    [$status, $detail] = run($feature, $check);
    echo json_encode(['feature' => $feature, 'status' => $status, 'detail' => $detail], JSON_UNESCAPED_UNICODE), "\n";
}
