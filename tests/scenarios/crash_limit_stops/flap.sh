echo ran >> ledger
[ -e well ] || exit 3
exec sleep 1000000
