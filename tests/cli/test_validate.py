"""`dse validate` and `dse calibrate` keep the table that they read."""


def test_what_is_written_never_takes_the_place_of_the_table_that_is_read(dse, tmp_path):
    table = tmp_path / "rows.csv"
    text = "chip,llm,weights,tp,batch,isl,osl,metric,value\nh100,llama3.1-8b,fp8,1,1,512,128,tpot_ms,4\n"
    table.write_text(text)
    link = tmp_path / "link.csv"
    link.symlink_to(table)
    for out in (table, link):
        said = dse("validate", str(table), "--out", str(out))
        assert said.code == 2
        assert "--out: expected another file than the table that is read" in said.err
    said = dse("calibrate", str(table), "--stack", "mine", "-o", str(table))
    assert said.code == 2
    assert table.read_text() == text
