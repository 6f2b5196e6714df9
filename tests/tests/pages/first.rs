//! The first page of a machine that is no station yet, as whoever sets it up reads it.

use sanji_tests::district::District;

use super::furnish::Furnished;
use super::walk::Walk;

const STATION: &str = "990106100000";

impl Furnished {
    /// Both ways, with what is told, as far as the machine is not enrolled.
    pub(crate) async fn first(&mut self, walk: &mut Walk) {
        let district: &District = &self.district;
        let invitation = district.data(district.plan.hub).join("invitation.pem").display().to_string();
        // Every station of the sample had a machine once.
        let replace = ["station", "replace", STATION, "--reason", "its disk died", "--invitation", &invitation];
        let replaced = district.command(district.plan.hub, &replace).unwrap();
        let code = replaced["code"].as_str().unwrap().to_owned();
        let unenrolled = district.serve_unenrolled(STATION.parse().unwrap(), "127.0.0.1:0").unwrap();
        walk.visit(&format!("http://{}", unenrolled.page), "first").await;
        let page = "/desk/login";
        walk.see(page).await;
        let typed = [("station", STATION), ("hub", "127.0.0.1:9"), ("code", &*code)];
        walk.send_wrong(page, "/desk/enrol", &typed).await;
        let asked = [("station", STATION), ("code", "0000"), ("invitation.files", &*invitation)];
        walk.send_wrong(page, "/desk/enrol/request", &asked).await;
        let asked = [("station", STATION), ("code", &*code), ("invitation.files", &*invitation)];
        walk.send(page, "/desk/enrol/request", &asked).await;
        assert!(walk.text().await.contains("下载请求文件"));
        walk.send_wrong(page, "/desk/enrol/answer", &[("answer.files", &*invitation)]).await;
        unenrolled.stop().unwrap();
    }
}
